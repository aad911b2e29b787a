"""How a preset reads the event rows of another product's export; `products` has the presets.

Of several source names the first with a value counts. Times without an offset are in UTC; numbers
are seconds, milliseconds or microseconds since 1970.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from events.intake.cells import FIELDS, OBJECTS, PROPERTIES
from subscribers.rows import times
from subscribers.rows.columns import look_up
from subscribers.rows.typed_cells import NOT_AN_OBJECT, read_json
from subscribers.wire.payloads import Fault, InvalidField, InvalidRequest

# Of a warehouse's columns those that begin so have the context of a call.
CONTEXT = "context_"
# One of these is in each table of a warehouse, and in no raw call.
WAREHOUSE = frozenset({
    "anonymous_id", "event_text", "original_timestamp", "received_at", "sent_at", "user_id",
})  # fmt: skip
# As Snowflake has them.
_IN_CAPITALS = frozenset(map(str.upper, WAREHOUSE))
# Forms of times that a cell shows by itself.
_TIMES = frozenset({times.ISO, times.SECONDS, times.MILLISECONDS, times.MICROSECONDS})

PutOver = Callable[[dict[str, Any], Mapping[str, Any], Mapping[str, Any]], None]


class NoEvent(Fault):
    """A row of another kind, in which there is nothing to correct."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """Where one product keeps what an event needs."""

    title: str
    # From our names to theirs; the properties are last.
    names: Mapping[str, tuple[str, ...]]
    # Only files of this product have all columns of one of these sets.
    signs: tuple[frozenset[str], ...]
    # The fields that may have the kind of a row, and the kinds that are events.
    kinds: tuple[str, ...] = ()
    event_kinds: frozenset[str] = frozenset()
    # Paths, of which one is true, or the identifier again, where the identifier is an identified
    # person's. With none every identifier is.
    identified_by: tuple[str, ...] = ()
    # An identifier with an @ is an address, if the row has no other.
    is_identifier_an_address: bool = True
    # Columns that begin so are properties.
    prefixes: tuple[str, ...] = ()
    # The columns of a warehouse's tables that are neither named nor properties: each other column
    # is one. Empty: it fills no warehouses.
    reserved: frozenset[str] = frozenset()
    # From their columns to our names.
    columns: Mapping[str, str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        columns = {
            theirs: ours
            for ours, names in self.names.items()
            for path in names
            # What is a property, too, is shown as that.
            for theirs in (path, path.partition(".")[0])
            if not theirs.startswith(PROPERTIES)
        }
        object.__setattr__(self, "columns", columns)

    def field_of(self, column: str, beside: Collection[str]) -> str | None:
        """Return the field of a column, "" for one that is never read, None for an unknown one.

        `beside` are all columns of the table, or all keys of the row.
        """
        if self._is_in_capitals(beside):
            column, beside = column.lower(), {each.lower() for each in beside}
        if column in self.columns:
            return self.columns[column]
        for prefix in self.prefixes:
            if column.startswith(prefix) and column != prefix:
                return f"{PROPERTIES}{column.removeprefix(prefix)}"
        # No product writes `occurredAt`: such a column was renamed for us.
        if column in FIELDS and not (column in FIELDS.cells and column.islower()):
            return None
        if not self._is_warehouse(beside):
            # A name is not the event's, which `names` has: of a page, say.
            return "kind" if column in self.kinds else "" if column == "name" else None
        is_reserved = column in self.reserved or column.startswith(CONTEXT)
        return "" if is_reserved else f"{PROPERTIES}{column}"

    def _is_in_capitals(self, columns: Collection[str]) -> bool:
        return bool(self.reserved) and not _IN_CAPITALS.isdisjoint(columns)

    def _is_warehouse(self, columns: Collection[str]) -> bool:
        """Tell whether properties have columns of their own; those names are in snake case."""
        is_one = "properties" not in columns and not WAREHOUSE.isdisjoint(columns)
        return bool(self.reserved) and is_one

    def fits(self, columns: Collection[str]) -> bool:
        is_in_capitals = self._is_in_capitals(columns)
        found = {each.lower() if is_in_capitals else each for each in columns}
        return any(sign <= found for sign in self.signs)

    def body(
        self,
        fields: Mapping[str, Any],
        *,
        is_table: bool = False,
        put_over: PutOver = lambda _body, _fields, _opened: None,
    ) -> dict[str, Any]:
        """Return a row as a request's body; `put_over` puts over it what the preset does not read.

        It gets the row with the objects in texts opened, too. In a table it has the properties with
        columns of their own. Raises `InvalidRequest` for a row that is no event.
        """
        # A CSV export has objects as JSON texts.
        opened = named = {name: _opened(value) for name, value in fields.items()}
        if self._is_in_capitals(fields):
            named = {name.lower(): value for name, value in opened.items()}
        self._check_kind(named)
        body: dict[str, Any] = {}
        for ours, theirs in self.names.items():
            value = _first(named, theirs)
            if value is not None:
                body[ours] = value
        if not is_table and self._is_warehouse(named):
            body["properties"] = self._own_properties(named)
        for name in OBJECTS:
            if name in body and not isinstance(body[name], dict):
                raise InvalidRequest(Fault(name, NOT_AN_OBJECT))
        put_over(body, fields, opened)
        if "occurredAt" in body:
            body["occurredAt"] = _in_utc(body["occurredAt"])
        self._set_identity(body, named)
        return body

    def _check_kind(self, fields: Mapping[str, Any]) -> None:
        kind = _first(fields, self.kinds)
        is_property = self._is_warehouse(fields)
        if kind is not None and kind not in self.event_kinds and not is_property:
            name = next(name for name in self.kinds if look_up(fields, name) == kind)
            kinds = " or ".join(sorted(self.event_kinds))
            raise InvalidRequest(NoEvent(name, f"is not {kinds}: no event."))

    def _own_properties(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        named = {column: self.field_of(column, fields) or "" for column in fields}
        return {
            name.removeprefix(PROPERTIES): fields[column]
            for column, name in named.items()
            # A warehouse has null for what was not sent.
            if name.startswith(PROPERTIES) and fields[column] is not None
        }

    def _set_identity(self, body: dict[str, Any], fields: Mapping[str, Any]) -> None:
        external_id = body.get("externalId")
        # Some products use numbers as identifiers.
        if isinstance(external_id, int) and not isinstance(external_id, bool):
            body["externalId"] = external_id = str(external_id)
        if (
            self.is_identifier_an_address
            and isinstance(external_id, str)
            and "@" in external_id
            and "email" not in body
        ):
            body["email"] = body.pop("externalId")
        elif self.identified_by and body.get("email") and "externalId" in body:
            proofs = [look_up(fields, path) for path in self.identified_by]
            if not any(map(_is_true, proofs)) and body["externalId"] not in proofs:
                # A browser's own id would be the person's for ever.
                del body["externalId"]


def _first(fields: Mapping[str, Any], names: Iterable[str]) -> Any:  # noqa: ANN401 - any JSON value
    values = (look_up(fields, name) for name in names)
    return next((each for each in values if each not in (None, "")), None)


def _opened(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return the object in a JSON text; anything else unchanged."""
    if isinstance(value, str) and value.startswith("{"):
        found = read_json(value)
        return found if isinstance(found, dict) else value
    return value


def _is_true(value: object) -> bool:
    return value is True or (isinstance(value, str) and value.casefold() == "true")


def _in_utc(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return a time with its offset; anything else unchanged, for the parser to judge."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return value
    text = str(value).strip()
    form = "" if times.STRICT.fullmatch(text) else times.form_of(text)
    if form not in _TIMES:
        return text if isinstance(value, str) else value
    try:
        return times.reader(form=form, zone="UTC")(text)
    except InvalidField:
        return value
