"""Columns of subscriber files, and how their cells become the API's values."""

from collections.abc import Mapping
from typing import Any

from subscribers.rows import name_cells
from subscribers.rows.columns import ColumnReader, Fields
from subscribers.rows.row import Row
from subscribers.services.imports.people.drafts import SubscriberDraft, parse_draft
from subscribers.wire import json_gate, profile
from subscribers.wire.payloads import Fault, InvalidField, InvalidRequest

COLUMNS = frozenset({
    "email", "externalId", *(text.wire_name for text in profile.TEXTS), "customAttributes", "tags",
    "lists", "status", "createdAt", "unsubscribedAt",
    "consentAt", "consentIp", "consentUserAgent", "consentMethod",
})  # fmt: skip


class RowReader:
    """Turns rows into drafts; caches the columns of the current file."""

    def __init__(
        self, *, renamed: Mapping[str, str], attributes_bytes: int, are_cells_text: bool = False
    ) -> None:
        self._columns = ColumnReader(fields=FIELDS, renamed=renamed, are_cells_text=are_cells_text)
        self._attributes_bytes = attributes_bytes

    def read(self, row: Row) -> SubscriberDraft:
        """Return a row's draft; raises `InvalidRequest`, or `InvalidFile` for bad columns."""
        if row.fields is None:
            raise InvalidRequest(Fault("", "cannot be read."))
        body = self._columns.body(row.fields, row.columns)
        return parse_draft(body, attributes_bytes=self._attributes_bytes)


def _text_cell(text: str) -> str | None:
    return None if text.isspace() else text


def _json_cell(text: str) -> Any:  # noqa: ANN401 - any JSON value
    if text.isspace():
        return None
    try:
        return json_gate.decode(text.strip().encode())
    except (json_gate.InvalidJson, UnicodeEncodeError) as error:
        raise InvalidField("is not a JSON object.") from error


def _names_cell(text: str) -> list[str] | None:
    try:
        return name_cells.parted(text)
    except name_cells.InvalidNames as error:
        raise InvalidField(str(error)) from error


FIELDS = Fields(
    cells={
        **dict.fromkeys(sorted(COLUMNS), _text_cell),
        "customAttributes": _json_cell,
        "tags": _names_cell,
        "lists": _names_cell,
    },
    prefix="attributes.",
    object_name="customAttributes",
    is_strict=True,
)
