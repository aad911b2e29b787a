"""Columns of files of rows: which field each is, and how cells become the API's values.

In CSV every cell is a text, and an empty one is not given; in JSONL values are as in the API, or
texts in the form that the plan has for them. An empty text says nothing of a person there either.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from subscribers.rows import name_cells, times, typed_cells
from subscribers.rows.plans import NO_PLAN, Column, ColumnPlan, value_key
from subscribers.rows.row import InvalidFile
from subscribers.rows.standings import Watch
from subscribers.rows.status_words import STATUS_BY_FLAG, says_so
from subscribers.wire import json_gate
from subscribers.wire.payloads import Fault, InvalidField, InvalidRequest

_ABSENT = object()
# First and last name in one cell.
FULL_NAME = "fullName"
# Any of these names a person.
IDENTITIES = frozenset({"email", "externalId"})
NOBODY_NAMED = (
    "no column is email or externalId, so nobody is named; name one with --map THEIRS=email, or "
    "say with --from which product wrote the file."
)

Read = Callable[[str], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    # How each field's cells are read: None keeps the text, a reader may return None for no value
    # or raise `InvalidField`.
    cells: Mapping[str, Read | None]
    # A column that begins so is a key of an object: `properties.plan` of `properties`.
    prefix: str
    object_name: str
    # Whether a file is refused where two columns are one field, or none names a person.
    is_strict: bool = False
    # The fields of times, and of names of tags and lists.
    times: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    # The field and the rank of other headers, folded (see `headers`).
    synonyms: Mapping[str, tuple[str, int]] = field(default_factory=dict)

    def __contains__(self, name: str) -> bool:
        return name in self.cells or (name.startswith(self.prefix) and name != self.prefix)

    def is_key(self, name: str) -> bool:
        """Tell whether a field is a key of the object."""
        return name not in self.cells


class ColumnReader:
    """Returns rows as request bodies; remembers the columns of the current file."""

    def __init__(self, *, fields: Fields, plan: ColumnPlan = NO_PLAN) -> None:
        """A column that the plan does not have is the field of its name."""
        self._fields = fields
        self._plan = plan
        self._columns: tuple[str, ...] | None = None
        used = {theirs: each.field for theirs, each in plan.columns.items() if each.field}
        self._renamed = {theirs: ours for theirs, ours in used.items() if theirs != ours}
        self._forms = {
            each.field: self._reader(each.field, each.form)
            for each in plan.columns.values()
            if each.form or each.field in plan.values or each.field in STATUS_BY_FLAG
        }
        is_watched = bool(plan.columns) and "status" in fields.cells
        self._watch = Watch(plan=plan, fields=fields) if is_watched else None
        # Whether an object is a body as it is.
        self._is_bare = not (
            self._renamed
            or self._forms
            or plan.constants
            or any(name in fields and not each.field for name, each in plan.columns.items())
        )

    def body(self, row: Mapping[str, Any], columns: tuple[str, ...] | None) -> Mapping[str, Any]:
        """Return a row as a request body; `columns` is a CSV file's header, None for an object.

        Raises `InvalidRequest` for a cell that cannot be read, `InvalidFile` for wrong columns.
        """
        if columns is None:
            if self._watch is not None:
                self._watch.check(row)
                if "" in row.values():
                    row = {name: value for name, value in row.items() if value != ""}
            return row if self._is_bare and FULL_NAME not in row else self._from_object(row)
        if columns is not self._columns:
            self._read_header(columns)
        if self._watch is not None and self._watch.is_pipe:
            self._watch.check_unseen(row)
        return self._from_cells(row)

    def put_over(
        self,
        body: dict[str, Any],
        row: Mapping[str, Any],
        opened: Mapping[str, Any],
        *,
        rules: frozenset[str],
        is_table: bool,
    ) -> None:
        """Put the columns that the plan has by these rules, and all keys, over what a body has.

        `opened` is the row with the objects in its texts. Raises `InvalidRequest` as `body` does.
        """
        keys: dict[str, Any] = {}
        for theirs, column in self._plan.columns.items():
            name = column.field
            is_over = column.rule in rules or name.startswith(self._fields.prefix)
            if not name or not is_over:
                continue
            # A cell is read as its column.
            value = row[theirs] if is_table and theirs in row else look_up(opened, theirs)
            if is_table and isinstance(value, str) and value:
                read = self._reader(column.field, column.form)
                value = value if read is None else _checked(column.field, read, value)
            if value is not None and value != "":
                self._put(body, keys, column.field, value)
        self._finish(body, keys)

    def _read_header(self, columns: tuple[str, ...]) -> None:
        fields, planned = self._fields, self._plan.columns
        ours = [(column, planned.get(column, Column(field=column))) for column in columns]
        known = [
            (column, each.field, self._reader(each.field, each.form))
            for column, each in ours
            if each.field in fields
        ]
        if fields.is_strict:
            _check(columns, [name for _, name, _ in known])
        plain = [each for each in known if not fields.is_key(each[1])]
        self._texts = [(column, name) for column, name, read in plain if read is None]
        self._read = [(column, name, read) for column, name, read in plain if read is not None]
        self._keys = [
            (column, name.removeprefix(fields.prefix), read)
            for column, name, read in known
            if fields.is_key(name)
        ]
        has_full_name = any(name == FULL_NAME for _, name, _ in known)
        self._is_plain = not (self._plan.constants or self._keys or has_full_name)
        self._columns = columns

    def _reader(self, name: str, form: str) -> Read | None:
        """Return what reads the cells of a field in a form."""
        fields, words = self._fields, self._plan.values.get(name)
        read: Read | None
        if fields.is_key(name):
            kept = typed_cells.VERBATIM if self._plan.is_text_kept else ""
            read = typed_cells.reader(form or kept)
        elif form and name in fields.times:
            read = times.reader(form=form, zone=self._plan.zone)
        elif form and name in fields.names:
            read = partial(read_names, separator=form)
        elif name in STATUS_BY_FLAG:
            read = says_so
        else:
            read = fields.cells[name]
        return partial(_worded, words=words, read=read) if words else read

    def _from_cells(self, row: Mapping[str, str]) -> Mapping[str, Any]:
        body: dict[str, Any] = {name: text for column, name in self._texts if (text := row[column])}
        for column, name, read in self._read:
            if text := row[column]:
                value = _checked(name, read, text)
                if value is not None:
                    body[name] = value
        if self._is_plain:
            return body
        keys: dict[str, Any] = {}
        for column, key, read_key in self._keys:
            if text := row[column]:
                keys[key] = text if read_key is None else _checked(column, read_key, text)
        return self._finish(body, keys)

    def _from_object(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        planned = self._plan.columns
        body = {
            name: value
            for name, value in row.items()
            if name not in planned or planned[name].field == name
        }
        keys: dict[str, Any] = {}
        for theirs, ours in self._renamed.items():
            value = look_up(row, theirs, default=_ABSENT)
            if value is not _ABSENT:
                self._put(body, keys, ours, value)
        for name, read in self._forms.items():
            value = body.get(name)
            is_plain = isinstance(value, str | int | float) and not isinstance(value, bool)
            if read is not None and is_plain and value != "":
                body[name] = _checked(name, read, str(value))
        return self._finish(body, keys)

    def _put(
        self,
        body: dict[str, Any],
        keys: dict[str, Any],
        ours: str,
        value: Any,  # noqa: ANN401 - any JSON value
    ) -> None:
        """Put a value into a body, or into the keys of its object."""
        if self._fields.is_key(ours):
            keys[ours.removeprefix(self._fields.prefix)] = value
        elif value is not None:
            body[ours] = value

    def _finish(self, body: dict[str, Any], keys: dict[str, Any]) -> dict[str, Any]:
        """Add the constants, split a full name, and put the keys into their object."""
        prefix = self._fields.prefix
        for name, value in self._plan.constants.items():
            if self._fields.is_key(name):
                keys.setdefault(name.removeprefix(prefix), value)
            elif not isinstance(value, list):
                body.setdefault(name, value)
            elif isinstance(given := body.get(name), list | None):
                # Anything else stays, for validation to report.
                body[name] = [*(given or ()), *value]
        full_name = body.pop(FULL_NAME, None)
        if isinstance(full_name, str):
            _split_name(body, full_name)
        name = self._fields.object_name
        held = body.get(name)
        if keys and held is None:
            body[name] = keys
        elif keys and isinstance(held, dict):
            body[name] = {**held, **keys}
        # A value that is no object stays: validation reports it later.
        return body


def look_up(fields: Mapping[str, Any], name: str, *, default: object = None) -> Any:  # noqa: ANN401 - any JSON value
    """Return a row's value by its column, or by a path into its objects."""
    if name in fields:
        return fields[name]
    value: Any = fields
    for key in name.split("."):
        if not isinstance(value, dict) or key not in value:
            return default
        value = value[key]
    return value


def _checked(name: str, read: Read, text: str) -> Any:  # noqa: ANN401 - any JSON value
    try:
        return read(text)
    except InvalidField as error:
        raise InvalidRequest(Fault(name, str(error))) from error


def _worded(text: str, *, words: Mapping[str, str], read: Read | None) -> Any:  # noqa: ANN401 - any JSON value
    """Return what a word of the file stands for, else what the field's reader makes of it."""
    word = words.get(value_key(text))
    given = text if word is None else word
    return given if read is None else read(given)


def read_names(text: str, *, separator: str = name_cells.SEPARATOR) -> list[str] | None:
    """Return the names of a cell; raises `InvalidField`."""
    try:
        return name_cells.parted(text, separator=separator)
    except name_cells.InvalidNames as error:
        raise InvalidField(str(error)) from error


def _split_name(body: dict[str, Any], full_name: str) -> None:
    """Split `Lena Moss` and `Moss, Lena`; names of their own columns stay."""
    last, comma, first = full_name.partition(",")
    if not comma:
        first, _, last = full_name.strip().partition(" ")
    for name, part in (("firstName", first.strip()), ("lastName", last.strip())):
        if part:
            body.setdefault(name, part)


def _check(columns: tuple[str, ...], names: list[str]) -> None:
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated is not None:
        raise InvalidFile(
            f"Two columns are read as {repeated}; leave one out, or map it elsewhere."
        )
    if IDENTITIES.isdisjoint(names):
        found = ", ".join(json_gate.printable(column) for column in columns[:20])
        raise InvalidFile(f"A file has the columns {found}: {NOBODY_NAMED}")
