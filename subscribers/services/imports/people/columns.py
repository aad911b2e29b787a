"""Columns of files with subscribers: which is what, and how cells become the API's words.

In CSV every cell is a text, and a blank one says nothing; in JSONL values are what the API takes.
"""

from collections.abc import Callable, Mapping
from typing import Any

from subscribers.rows import name_cells, typed_cells
from subscribers.rows.row import InvalidFile, Row
from subscribers.services.imports.people.drafts import SubscriberDraft, parse_draft
from subscribers.wire import json_gate, profile
from subscribers.wire.payloads import Fault, InvalidField, InvalidRequest

COLUMNS = frozenset({
    "email", "externalId", *(text.wire_name for text in profile.TEXTS), "customAttributes", "tags",
    "lists", "status", "createdAt", "unsubscribedAt",
    "consentAt", "consentIp", "consentUserAgent", "consentMethod",
})  # fmt: skip
ATTRIBUTE = "attributes."


class RowReader:
    """Turns rows into drafts; remembers what the columns of the file at hand mean."""

    def __init__(
        self, *, renamed: Mapping[str, str], attributes_bytes: int, are_cells_text: bool = False
    ) -> None:
        self._renamed = dict(renamed)
        self._attributes_bytes = attributes_bytes
        self._are_cells_text = are_cells_text
        self._columns: tuple[str, ...] | None = None
        self._meanings: dict[str, str] = {}

    def read(self, row: Row) -> SubscriberDraft:
        """Return what a row without a fault says; raises `InvalidRequest` with all that is wrong.

        Raises `InvalidFile` when the columns of its file cannot be used.
        """
        if row.fields is None:
            raise InvalidRequest(Fault("", "cannot be read."))
        if row.columns is None:
            raw = self._from_object(row.fields)
            return parse_draft(raw, attributes_bytes=self._attributes_bytes)
        if row.columns is not self._columns:
            self._meanings = meanings_of(columns=row.columns, renamed=self._renamed)
            self._columns = row.columns
        return parse_draft(self._from_cells(row.fields), attributes_bytes=self._attributes_bytes)

    def _from_cells(self, cells: Mapping[str, str]) -> dict[str, Any]:
        """Return the cells as the API would have them."""
        raw: dict[str, Any] = {}
        attributes: dict[str, Any] = {}
        for column, meaning in self._meanings.items():
            text = cells.get(column)
            if not text:
                continue
            if meaning.startswith(ATTRIBUTE):
                value = text if self._are_cells_text else typed_cells.value_of(text)
                attributes[meaning.removeprefix(ATTRIBUTE)] = value
            elif text.isspace():
                continue
            elif reader := _CELLS.get(meaning):
                raw[meaning] = _read_cell(meaning, text, reader)
            else:
                raw[meaning] = text
        return _with_attributes(raw, attributes)

    def _from_object(self, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return a JSON object as the API would have it."""
        if not self._renamed:
            return fields
        renamed = {self._renamed.get(name, name): value for name, value in fields.items()}
        attributes = {
            ours.removeprefix(ATTRIBUTE): renamed[ours]
            for ours in self._renamed.values()
            if ours.startswith(ATTRIBUTE) and ours in renamed
        }
        return _with_attributes(renamed, attributes)


def is_field(name: str) -> bool:
    """Tell whether a name is one of ours: a column, or `attributes.` and a key."""
    return name in COLUMNS or (name.startswith(ATTRIBUTE) and name != ATTRIBUTE)


def meanings_of(*, columns: tuple[str, ...], renamed: Mapping[str, str]) -> dict[str, str]:
    """Return our name of each column of a CSV file that has one; the others are ignored.

    Raises `InvalidFile` when two mean the same, or none says who a row is about.
    """
    meanings: dict[str, str] = {}
    for column in columns:
        ours = renamed.get(column, column)
        if not is_field(ours):
            continue
        if ours in meanings.values():
            raise InvalidFile(
                f"Two columns are read as {ours}; leave one out, or map it elsewhere."
            )
        meanings[column] = ours
    if not {"email", "externalId"} & set(meanings.values()):
        found = ", ".join(json_gate.printable(column) for column in columns[:20])
        raise InvalidFile(
            f"No column is email or externalId, so nobody is named. The file has: {found}. "
            "Say which is which with --map theirs=ours."
        )
    return meanings


def _with_attributes(raw: dict[str, Any], attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row with these attributes over those that it has."""
    if not attributes:
        return raw
    given = raw.get("customAttributes")
    if given is not None and not isinstance(given, dict):
        # Wrong, and to be told so.
        return raw
    return {**raw, "customAttributes": {**(given or {}), **attributes}}


def _read_cell(column: str, text: str, reader: Callable[[str], Any]) -> Any:  # noqa: ANN401 - any JSON value
    try:
        return reader(text)
    except InvalidField as error:
        raise InvalidRequest(Fault(column, str(error))) from error


def _json_cell(text: str) -> Any:  # noqa: ANN401 - any JSON value
    try:
        return json_gate.decode(text.strip().encode())
    except (json_gate.InvalidJson, UnicodeEncodeError) as error:
        raise InvalidField("is not a JSON object.") from error


def _names_cell(text: str) -> list[str] | None:
    try:
        return name_cells.parted(text)
    except name_cells.InvalidNames as error:
        raise InvalidField(str(error)) from error


_CELLS: dict[str, Callable[[str], Any]] = {
    "customAttributes": _json_cell,
    "tags": _names_cell,
    "lists": _names_cell,
}
