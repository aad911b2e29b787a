"""Filters, rules and branches as rows of selects, above the text that says the same.

The field's value stays the text of `lines`, so that experts may write it and versions are compared
by it. Rows are shown where they come back as they were; else there is the text alone. Buttons add
and remove rows by posting the whole form; nothing is stored then.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.template.loader import render_to_string

from events.admin.sequence_editor import lines
from events.admin.sequence_editor.fields import LinesField, LinesWidget, Notation
from events.admin.sequence_editor.row_kinds import Input, Option, Parts, RowKind

ARRANGE = "_arrange"
# After a field's name: says that its rows were posted, and that its text is to be used.
ROWS_MARK, TEXT_MARK = "-rows", "-as_text"
# What a blank row is as a line, while it is only shown.
BLANK = "{}"
MOST_ROWS = 60


@dataclass(frozen=True, slots=True)
class _ShownInput:
    input: Input
    value: str
    options: tuple[Option, ...]


class RowsWidget(LinesWidget):
    """Reads rows or a text, and shows both."""

    def __init__(self, kind: RowKind) -> None:
        super().__init__(attrs={"rows": 3, "class": "cueline-code"})
        self.kind = kind
        self.targets: tuple[Option, ...] = ()

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
        rows = self._rows(text)
        if rows is not None and not rows:
            rows = [{}] * self.kind.least
        shown = None if rows is None else [self._shown(each) for each in rows]
        return render_to_string(
            "admin/sequence_editor_rows.html",
            {
                "name": name,
                "noun": self.kind.noun,
                "help": self.kind.help,
                "text": super().render(
                    name, text.removesuffix(f"\n{BLANK}"), {**(attrs or {}), "aria-label": "Text"}
                ),
                "rows": shown,
                "blank": self._shown({}),
                "next": len(shown or ()),
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

    def _shown(self, parts: Parts) -> list[_ShownInput]:
        found = []
        for each in self.kind.inputs:
            options = self.targets or each.options if each.name == "next" else each.options
            value = parts.get(each.name, "")
            if options and value and value not in {one.value for one in options}:
                words = f"{value}, which is no later step" if each.name == "next" else value
                options = (*options, Option(value, words))
            found.append(_ShownInput(each, value, options))
        return found


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
