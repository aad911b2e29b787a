"""The form of an uploaded file's import: what each column is, and what the rows may do."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec
from django import forms

from events.services.history.importing import FILE_KINDS
from subscribers.admin.import_options import (
    Choices,
    DialectForm,
    EventsForm,
    OptionsForm,
    PeopleForm,
    lines_of_text,
    select,
)
from subscribers.models import ImportRun
from subscribers.rows import times, typed_cells
from subscribers.rows.headers import STANDINGS
from subscribers.rows.plans import BY_MAP, IGNORED, NO_PLAN, Column, ColumnPlan, from_stored
from subscribers.rows.survey import UNDECIDED, Wishes
from subscribers.services.imports import uploads
from subscribers.services.imports.uploads import Dialect

LEFT_OUT = "-"
WHY = dict.fromkeys((BY_MAP, IGNORED), "you chose it")
UNREAD = (
    "It says who left or agreed: choose “Left out, whatever it looks like” if nothing may read it."
)
# Columns with fields of their own; a page of more is slow. The others are named in a text.
MOST_SHOWN = 300


class ColumnsForm(forms.Form):
    """A choice of the field for each column, and of the form of its cells."""

    def __init__(self, run: ImportRun, plan: ColumnPlan, data: Any = None) -> None:  # noqa: ANN401 - as above
        super().__init__(data)
        upload = uploads.upload_of(run)
        self.wishes = upload.wishes
        self.ours = FILE_KINDS[run.kind].fields(upload.chosen)
        self.columns = list(plan.columns.items())[:MOST_SHOWN]
        # Their fields by their names.
        self.unshown = {
            name: column.field for name, column in list(plan.columns.items())[MOST_SHOWN:]
        }
        if self.unshown:
            self.fields["others"] = lines_of_text(
                f"{len(self.unshown):,} more columns",
                f"From {next(iter(self.unshown))} on. Write a line for each that is to change: "
                f"Mail State=status says what a column is, Mail State={LEFT_OUT} leaves it out.",
            )
            self.fields["others"].initial = "\n".join(
                f"{name}={LEFT_OUT if name in self.wishes.ignored else self.wishes.map[name]}"
                for name in self.unshown
                if name in self.wishes.ignored or name in self.wishes.map
            )
        for place, (name, column) in enumerate(self.columns):
            is_left_out = name in self.wishes.ignored
            self.fields[f"field_{place}"] = field = select(name, self._fields(name, column))
            field.initial = LEFT_OUT if is_left_out else column.field
            if forms_of := self._forms(column):
                self.fields[f"form_{place}"] = form = select(f"Format of {name}", forms_of)
                form.initial = self._wished_form(name, column)

    def _fields(self, name: str, column: Column) -> Choices:
        choices = [("", "Not used"), *((each, _words(each)) for each in sorted(self.ours.cells))]
        key = f"{self.ours.prefix}{name}"
        # What a product's column is, such as the kind of its rows, may be no field of ours.
        found = [column.field] if column.field and column.field not in self.ours.cells else []
        keys = [key] if key in self.ours and self.ours.is_key(key) else []
        choices += [(each, _words(each)) for each in dict.fromkeys((*keys, *found))]
        return [*choices, (LEFT_OUT, "Left out, whatever it looks like")]

    def _forms(self, column: Column) -> Choices:
        if not column.field:
            return []
        if column.field in self.ours.times:
            return _with_nothing(times.FORMS, column)
        return _with_nothing(typed_cells.TYPES, column) if self.ours.is_key(column.field) else []

    def _wished_form(self, name: str, column: Column) -> str:
        wished = self.wishes.date_formats if column.field in self.ours.times else self.wishes.types
        return wished.get(name, "")

    def rows(
        self,
    ) -> Iterator[tuple[str, Column, str, forms.BoundField, forms.BoundField | None]]:
        """Yield each column, why it is what it is, and its two fields, for the page."""
        for place, (name, column) in enumerate(self.columns):
            form = f"form_{place}"
            why = WHY.get(column.rule, column.rule)
            form_of = self[form] if form in self.fields else None
            yield name, column, why, self[f"field_{place}"], form_of

    def clean(self) -> None:
        """Refuse to drop in silence what says who left; a change of mind has two words."""
        for place, (_, column) in enumerate(self.columns):
            chosen = self.cleaned_data.get(f"field_{place}")
            if chosen == "" and column.field in STANDINGS:
                self.add_error(f"field_{place}", UNREAD)

    def clean_others(self) -> dict[str, str]:
        """Return the field of each column that is named, or `LEFT_OUT`."""
        found = {}
        for line in filter(None, map(str.strip, str(self.cleaned_data["others"]).splitlines())):
            name, _, field = (part.strip() for part in line.rpartition("="))
            if name not in self.unshown:
                raise forms.ValidationError(
                    f"{line[:100]!r} does not begin with one of these columns and a =."
                )
            if field != LEFT_OUT and field not in self.ours:
                known = ", ".join((*sorted(self.ours.cells), f"{self.ours.prefix}KEY"))
                raise forms.ValidationError(
                    f"There is no field {field[:100]!r}; there are {known}, and {LEFT_OUT}."
                )
            found[name] = field
        return found

    def fields_chosen(self) -> set[str]:
        chosen = {self._chosen(place) for place in range(len(self.columns))}
        unshown = {**self.unshown, **self._others()}
        return (chosen | set(unshown.values())) - {"", LEFT_OUT}

    def _others(self) -> dict[str, str]:
        others: dict[str, str] = self.cleaned_data.get("others", {})
        return others

    def wishes_with(self, options: OptionsForm) -> Wishes:
        """Return what is wished of the columns: earlier wishes, and what differs from the plan."""
        renamed, ignored = dict(self.wishes.map), set(self.wishes.ignored)
        date_formats, types = dict(self.wishes.date_formats), dict(self.wishes.types)
        for name in self.unshown:
            renamed.pop(name, None)
            ignored.discard(name)
        for name, field in self._others().items():
            if field == LEFT_OUT:
                ignored.add(name)
            else:
                renamed[name] = field
        for place, (name, column) in enumerate(self.columns):
            field, form = self._chosen(place), self.cleaned_data.get(f"form_{place}", "")
            if field != (LEFT_OUT if name in self.wishes.ignored else column.field):
                renamed.pop(name, None)
                ignored.discard(name)
                if field in {"", LEFT_OUT}:
                    # What was found must be told not to be.
                    ignored.add(name)
                else:
                    renamed[name] = field
            for wished, is_of_it in (
                (date_formats, field in self.ours.times),
                (types, bool(field) and field != LEFT_OUT and self.ours.is_key(field)),
            ):
                wished.pop(name, None)
                if is_of_it and form and f"form_{place}" in self.fields:
                    wished[name] = form
        chosen = options.chosen()
        return Wishes(
            map=renamed, ignored=frozenset(ignored), types=types, date_formats=date_formats,
            values=options.values(), constants=options.constants(),
            zone=chosen["timezone"] or options.run.workspace.timezone,
            is_text_kept=options.cleaned_data["as_text"],
            taken=frozenset(chosen.get("eventIdFrom", ())),
        )  # fmt: skip

    def _chosen(self, place: int) -> str:
        return str(self.cleaned_data[f"field_{place}"])


class ImportForm:
    """The three forms of the page, as one."""

    def __init__(self, run: ImportRun, data: Any = None) -> None:  # noqa: ANN401 - as above
        self.plan = from_stored(run.mapping) if run.mapping else NO_PLAN
        of_kind = PeopleForm if run.kind == ImportRun.Kind.SUBSCRIBERS else EventsForm
        self.upload = uploads.upload_of(run)
        # To be read in another way, the file must be there as it came.
        self.has_file = run.parts.exists()
        self.dialect = DialectForm(data, initial=msgspec.to_builtins(self.upload.dialect))
        self.columns = ColumnsForm(run, self.plan, data)
        self.options = of_kind(run, self.plan, data)
        self.parts = (self.dialect, self.columns, self.options)
        # Of the look whose columns are shown, which are sent by their places.
        self.seen = run.token.hex

    def is_valid(self, *, is_import: bool) -> bool:
        is_right = all([part.is_valid() for part in self.parts])  # noqa: C419 - all show their errors
        question = ""
        if is_right and is_import and not self._is_read_otherwise():
            question = self.options.question(self.columns.fields_chosen())
        if question:
            self.options.add_error("is_sure", question)
        return is_right and not question

    def answer(self) -> dict[str, Any]:
        """Return what `uploads.answer` takes."""
        dialect = self._dialect()
        wishes = self.columns.wishes_with(self.options)
        if dialect != self.upload.dialect:
            # They were of columns that may not be there any more.
            wishes = msgspec.structs.replace(
                wishes, map={}, ignored=frozenset(), types={}, date_formats={}
            )
        return {"dialect": dialect, "wishes": wishes, "chosen": self.options.chosen()}

    def _dialect(self) -> Dialect:
        return Dialect(**self.dialect.cleaned_data) if self.has_file else self.upload.dialect

    def _is_read_otherwise(self) -> bool:
        return uploads.is_read_otherwise(
            self.upload, dialect=self._dialect(), chosen=self.options.chosen()
        )


def _with_nothing(forms_of: tuple[str, ...], column: Column) -> Choices:
    found = column.form
    nothing = "Choose" if found == UNDECIDED else f"As found{f': {found}' if found else ''}"
    return [("", nothing), *((each, each) for each in forms_of)]


def _words(name: str) -> str:
    """Return a field's name in words: `External id`, and `Attributes: seats` for a key."""
    holder, dot, key = name.partition(".")
    words = re.sub("(?<=[a-z])(?=[A-Z])", " ", holder).capitalize()
    return f"{words}: {key}" if dot else words
