"""Columns of files of rows: which field each is, and how cells become the API's values.

In CSV every cell is a text, and an empty one is not given; in JSONL values are as in the API.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from subscribers.rows import typed_cells
from subscribers.rows.row import InvalidFile
from subscribers.wire import json_gate
from subscribers.wire.payloads import Fault, InvalidField, InvalidRequest

_ABSENT = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    # How each field's cells are read: None keeps the text, a reader may return None for no value
    # or raise `InvalidField`.
    cells: Mapping[str, Callable[[str], Any] | None]
    # A column that begins so is a key of an object: `properties.plan` of `properties`.
    prefix: str
    object_name: str
    # Whether a file is refused where two columns are one field, or none names a person.
    is_strict: bool = False

    def __contains__(self, name: str) -> bool:
        return name in self.cells or (name.startswith(self.prefix) and name != self.prefix)


class ColumnReader:
    """Returns rows as request bodies; remembers the columns of the current file."""

    def __init__(
        self, *, fields: Fields, renamed: Mapping[str, str], are_cells_text: bool = False
    ) -> None:
        """`renamed` maps the file's names to ours; `are_cells_text`: no cell is JSON."""
        self._fields = fields
        self._renamed = renamed
        self._are_cells_text = are_cells_text
        self._columns: tuple[str, ...] | None = None

    def body(self, row: Mapping[str, Any], columns: tuple[str, ...] | None) -> Mapping[str, Any]:
        """Return a row as a request body; `columns` is a CSV file's header, None for an object.

        Raises `InvalidRequest` for a cell that cannot be read, `InvalidFile` for wrong columns.
        """
        if columns is None:
            return self._from_object(row) if self._renamed else row
        if columns is not self._columns:
            self._read_header(columns)
        return self._from_cells(row)

    def _read_header(self, columns: tuple[str, ...]) -> None:
        ours = [(column, self._renamed.get(column, column)) for column in columns]
        known = [(column, name) for column, name in ours if name in self._fields]
        if self._fields.is_strict:
            _check(columns, [name for _, name in known])
        cells, prefix = self._fields.cells, self._fields.prefix
        plain = [(column, name, cells[name]) for column, name in known if name in cells]
        self._texts = [(column, name) for column, name, read in plain if read is None]
        self._read = [(column, name, read) for column, name, read in plain if read is not None]
        self._keys = [
            (column, name.removeprefix(prefix)) for column, name in known if name not in cells
        ]
        self._columns = columns

    def _from_cells(self, row: Mapping[str, str]) -> Mapping[str, Any]:
        body: dict[str, Any] = {name: text for column, name in self._texts if (text := row[column])}
        for column, name, read in self._read:
            if text := row[column]:
                try:
                    value = read(text)
                except InvalidField as error:
                    raise InvalidRequest(Fault(name, str(error))) from error
                if value is not None:
                    body[name] = value
        if not self._keys:
            return body
        value_of = str if self._are_cells_text else typed_cells.value_of
        keys = {key: value_of(text) for column, key in self._keys if (text := row[column])}
        return self._with_keys(body, keys)

    def _from_object(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        body = {name: value for name, value in row.items() if name not in self._renamed}
        keys: dict[str, Any] = {}
        for theirs, ours in self._renamed.items():
            value = look_up(row, theirs, default=_ABSENT)
            if value is _ABSENT:
                continue
            if ours.startswith(self._fields.prefix):
                keys[ours.removeprefix(self._fields.prefix)] = value
            elif value is not None:
                body[ours] = value
        return self._with_keys(body, keys)

    def _with_keys(self, body: dict[str, Any], keys: Mapping[str, Any]) -> dict[str, Any]:
        name = self._fields.object_name
        given = body.get(name)
        if keys and given is None:
            body[name] = keys
        elif keys and isinstance(given, dict):
            body[name] = {**given, **keys}
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


def _check(columns: tuple[str, ...], names: list[str]) -> None:
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated is not None:
        raise InvalidFile(
            f"Two columns are read as {repeated}; leave one out, or map it elsewhere."
        )
    if not {"email", "externalId"} & set(names):
        found = ", ".join(json_gate.printable(column) for column in columns[:20])
        raise InvalidFile(
            f"No column is email or externalId, so nobody is named. The file has: {found}. "
            "Say which is which with --map theirs=ours."
        )
