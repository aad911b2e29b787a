"""Ready mappings for the event rows of other products' exports.

Of several source names the first with a value counts. Times without an offset are in UTC; numbers
are seconds or milliseconds since 1970.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from events.intake.cells import NOT_AN_OBJECT, OBJECTS, read_json
from subscribers.rows.columns import look_up
from subscribers.wire.payloads import Fault, InvalidRequest

# A larger number counts milliseconds: in seconds it would be the year 5138.
MOST_SECONDS = 100_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """Where one product keeps what an event needs."""

    # From our names to theirs.
    names: Mapping[str, tuple[str, ...]]
    # The field that has the kind of a row, "" for none, and the kinds that are events.
    kind: str
    event_kinds: frozenset[str]
    # Paths, of which one is true, or the identifier again, where the identifier is an identified
    # person's. With none every identifier is.
    identified_by: tuple[str, ...] = ()
    # An identifier with an @ is an address, if the row has no other.
    is_identifier_an_address: bool = False

    @property
    def columns(self) -> dict[str, str]:
        """From their columns to our names."""
        return {
            theirs: ours
            for ours, names in self.names.items()
            for path in names
            for theirs in (path, path.partition(".")[0])
        } | ({self.kind: "kind"} if self.kind else {})

    def body(
        self,
        fields: Mapping[str, Any],
        *,
        lay: Callable[[dict[str, Any], Mapping[str, Any]], None] = lambda _body, _fields: None,
    ) -> dict[str, Any]:
        """Return a row as a request's body; `lay` puts what overrides the preset into it.

        Raises `InvalidRequest` for a row that is no event.
        """
        kind = look_up(fields, self.kind)
        if kind not in (None, "") and kind not in self.event_kinds:
            kinds = " or ".join(sorted(self.event_kinds))
            raise InvalidRequest(Fault(self.kind, f"is not {kinds}: no event."))
        # A CSV export has objects as JSON texts.
        opened = {name: _opened(value) for name, value in fields.items()}
        body: dict[str, Any] = {}
        for ours, theirs in self.names.items():
            values = (look_up(opened, name) for name in theirs)
            value = next((each for each in values if each not in (None, "")), None)
            if value is not None:
                body[ours] = value
        for name in OBJECTS:
            if name in body and not isinstance(body[name], dict):
                raise InvalidRequest(Fault(name, NOT_AN_OBJECT))
        lay(body, opened)
        if "occurredAt" in body:
            body["occurredAt"] = _in_utc(body["occurredAt"])
        self._set_identity(body, opened)
        return body

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
            if True not in proofs and body["externalId"] not in proofs:
                # A browser's own id would be the person's for ever.
                del body["externalId"]


def _opened(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """Return the object in a JSON text; anything else unchanged."""
    if isinstance(value, str) and value.startswith("{"):
        found = read_json(value)
        return found if isinstance(found, dict) else value
    return value


def _in_utc(value: Any) -> Any:  # noqa: ANN401 - as above
    """Return a time with its offset; anything else unchanged, for the parser to judge."""
    number = _as_number(value)
    if number is not None:
        seconds = number / 1000 if abs(number) > MOST_SECONDS else number
        try:
            return datetime.fromtimestamp(seconds, tz=UTC).isoformat()
        except (ValueError, OverflowError, OSError):
            return value
    if isinstance(value, str):
        text = value.strip().removesuffix(" UTC")
        has_offset = text[-1:] in {"Z", "z"} or "+" in text or "-" in text[10:]
        return text if has_offset else f"{text}Z"
    return value


def _as_number(value: object) -> float | None:
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return None
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_number else None  # type: ignore[arg-type] # asked the line before


PRESETS: Mapping[str, Preset] = {
    "segment": Preset(
        kind="type", event_kinds=frozenset({"track"}),
        names={
            # A warehouse has `plan_upgraded` for what the API was sent as `Plan Upgraded`.
            "name": ("event_text", "event"),
            "eventId": ("messageId", "message_id", "id"),
            "occurredAt": ("timestamp", "originalTimestamp", "original_timestamp", "receivedAt"),
            "email": (
                "context.traits.email", "context_traits_email", "traits.email", "properties.email",
                "email",
            ),
            "externalId": ("userId", "user_id"),
            "properties": ("properties",),
        },
    ),
    "posthog": Preset(
        kind="", event_kinds=frozenset(), is_identifier_an_address=True,
        identified_by=("properties.$is_identified", "properties.$user_id"),
        names={
            "name": ("event",),
            "eventId": ("uuid", "id"),
            "occurredAt": ("timestamp",),
            "email": (
                "person_properties.email", "person.properties.email", "properties.$set.email",
                "properties.email", "email",
            ),
            "externalId": ("distinct_id",),
            "properties": ("properties",),
        },
    ),
    "customerio": Preset(
        kind="type", event_kinds=frozenset({"event"}), is_identifier_an_address=True,
        names={
            "name": ("name", "event_name"),
            "eventId": ("id", "event_id"),
            "occurredAt": ("timestamp", "created_at"),
            "email": (
                "identifiers.email", "customer_identifiers.email", "customer.email", "email",
            ),
            "externalId": (
                "identifiers.id", "customer_identifiers.id", "customer_id", "customer.id",
            ),
            "properties": ("data", "attributes", "properties"),
        },
    ),
}  # fmt: skip
