"""Filters, rules and branches as rows of selects, above the text that says the same.

The field's value stays the text of `lines`, so that experts may write it and versions are compared
by it. Rows are shown where they come back as they were; else there is the text alone. Buttons add
and remove rows by posting the whole form; nothing is stored then.
"""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from django.forms import BaseForm
from django.template.loader import render_to_string
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from events.admin.sequence_editor import lines
from events.admin.sequence_editor.fields import LinesField, LinesWidget, Notation
from events.admin.sequence_editor.row_kinds import Input, Option, Parts, RowKind

ARRANGE = "_arrange"
# After a field's name: says that its rows were posted, and that its text is to be used.
ROWS_MARK, TEXT_MARK = "-rows", "-as_text"
# What a blank row is as a line, while it is only shown.
BLANK = "{}"
MOST_ROWS = 60
# Of all steps of a page; where there are more, the others are texts.
MOST_ROWS_OF_PAGE = 300
# Not in a template: a sequence at its limits has 16,000 inputs, or 50,000 options.
SELECT = '<select name="{}" aria-label="{}">{}</select>'
OPTION = '<option value="{}"{}{}>{}</option>'
TEXT = '<input type="text" name="{}" value="{}"{} placeholder="{}" aria-label="{}">'


class _ShownInput(NamedTuple):
    input: Input
    html: SafeString


class RowsWidget(LinesWidget):
    """Reads rows or a text, and shows both."""

    def __init__(self, kind: RowKind) -> None:
        super().__init__(attrs={"rows": 3, "class": "cueline-code"})
        self.kind = kind
        self.targets: tuple[Option, ...] = ()
        self.is_text_alone = False

    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> str | None:  # noqa: ANN401 - as Django has it
        """Return the text, of the rows where they were posted and the text was not chosen."""
        if not data.get(name + ROWS_MARK) or data.get(name + TEXT_MARK):
            return super().value_from_datadict(data, files, name)  # type: ignore[no-any-return]
        button = str(data.get(ARRANGE, ""))
        numbers = _numbers(data, name)
        found = []
        for number in numbers:
            if button != f"rows-remove-{name}-{number}":
                parts = {
                    each.name: str(data.get(f"{name}-{number}-{each.name}", "")).strip()
                    for each in self.kind.inputs
                }
                found.append(self.kind.wire(parts))
        text = self.kind.write([each for each in found if each is not None])
        return f"{text}\n{BLANK}" if button == f"rows-add-{name}" else text

    def id_for_label(self, id_: str) -> str:
        """Return nothing: the rows are a group with a name of its own."""
        return ""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> str:  # noqa: ANN401 - as Django has it
        text = value or ""
        rows = None if self.is_text_alone else self._rows(text)
        if rows is not None and not rows:
            rows = [{}] * self.kind.least
        shown = [self._shown(f"{name}-{at}", each) for at, each in enumerate(rows or ())]
        return render_to_string(
            "admin/sequence_editor_rows.html",
            {
                "name": name,
                "noun": self.kind.noun,
                "help": self.kind.help,
                "text": super().render(
                    name, text.removesuffix(f"\n{BLANK}"), {**(attrs or {}), "aria-label": "Text"}
                ),
                "rows": None if rows is None else shown,
                "blank": self._shown(f"{name}-__number__", {}),
                "next": len(shown),
            },
        )

    def _rows(self, text: str) -> list[Parts] | None:
        """Return the rows of a text; None where they would not come back as they were."""
        try:
            wires = self.kind.read(text)
        except lines.UnreadableLine:
            return None
        found: list[Parts] = []
        for each in wires:
            if not each:
                found.append({})
                continue
            parts = self.kind.parts(each)
            typed = {name: " ".join(value.splitlines()).strip() for name, value in parts.items()}
            if not lines.is_same(self.kind.wire(typed), each):
                return None
            found.append(typed)
        return found if len(found) <= MOST_ROWS else None

    def _shown(self, row_name: str, parts: Parts) -> list[_ShownInput]:
        found = []
        for each in self.kind.inputs:
            options = self.targets or each.options if each.name == "next" else each.options
            value = parts.get(each.name, "")
            if options and value and value not in {one.value for one in options}:
                words = f"{value}, which is no later step" if each.name == "next" else value
                options = (*options, Option(value, words))
            found.append(_ShownInput(each, _html(f"{row_name}-{each.name}", each, value, options)))
        return found


def _html(name: str, shown: Input, value: str, options: tuple[Option, ...]) -> SafeString:
    if options:
        choices = ((_option(each, is_chosen=each.value == value),) for each in options)
        return format_html(SELECT, name, shown.label, format_html_join("", "{}", choices))
    known = format_html(' list="known-{}"', shown.known) if shown.known else ""
    return format_html(TEXT, name, value, known, shown.hint, shown.label)


@lru_cache(maxsize=4096)
def _option(option: Option, *, is_chosen: bool) -> SafeString:
    needs = format_html(' data-needs="{}"', option.needs) if option.needs else ""
    selected = " selected" if is_chosen else ""
    return format_html(OPTION, option.value, needs, selected, option.words)


def limit_rows(forms: Iterable[BaseForm]) -> None:
    """Leave the text alone where the page's forms have more rows than it shows."""
    left = MOST_ROWS_OF_PAGE
    for form in forms:
        for name, field in form.fields.items():
            if isinstance(field.widget, RowsWidget):
                number = len(str(form[name].value() or "").splitlines())
                field.widget.is_text_alone = number > left
                left -= 0 if field.widget.is_text_alone else number


def rows(label: str, kind: RowKind, help_text: str = "") -> LinesField:
    field = LinesField(
        required=False, label=label, help_text=help_text, widget=RowsWidget(kind), strip=False
    )
    field.notation = Notation(kind.read, kind.write)
    return field


def _numbers(data: Mapping[str, Any], name: str) -> list[int]:
    pattern = re.compile(rf"{re.escape(name)}-(\d{{1,3}})-[a-z]+", re.ASCII)
    matches = (pattern.fullmatch(each) for each in data)
    return sorted({int(match[1]) for match in matches if match})[:MOST_ROWS]
