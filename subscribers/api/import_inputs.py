"""What a request for an import gives: its rows, and how they are to be taken in."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from subscribers.api.calls import Warned
from subscribers.api.inputs import Inputs, Reads, check_names, inputs, schema_of
from subscribers.api.subscriber_inputs import (
    UNUSED,
    Attributes,
    ClearableText,
    ListNames,
    Mode,
    NewStatus,
    Strategy,
    TagNames,
    read_zone,
)
from subscribers.api.values import Email, ExternalId, Flag, Moment, text_word
from subscribers.services.imports.people import Duplicates, OptInMode
from subscribers.wire import addresses
from subscribers.wire.amounts import counted
from subscribers.wire.payloads import (
    Fault,
    InvalidField,
    InvalidRequest,
    read_moment,
    type_name,
)

MOST_ROWS = 5000
MOST_FAULTS = 20
MOST_WARNINGS = 100


@inputs
class ImportedSubscriber(Inputs):
    """A row. Only its names and `createdAt` are checked at once, the rest when it is taken in."""

    unused = UNUSED

    email: Email | None = None
    external_id: ExternalId | None = None
    first_name: ClearableText = ""
    last_name: ClearableText = ""
    timezone: Annotated[str, Reads(str, {"type": "string"})] | None = None
    custom_attributes: Attributes | None = None
    status: NewStatus | None = None
    tags: TagNames | None = None
    created_at: Moment | None = None


NAMES = frozenset(each.wire_name for each in ImportedSubscriber.fields)


def _read_rows(value: object) -> list[Mapping[str, Any]]:
    if not isinstance(value, list):
        raise InvalidField(f"must be an array, not {type_name(value)}.")
    if not 1 <= len(value) <= MOST_ROWS:
        raise InvalidField(f"has {len(value)} elements; 1 to {MOST_ROWS} are allowed.")
    faults: list[Fault] = []
    for place, row in enumerate(value):
        faults += _faults_of(row, f"[{place}]")
        if len(faults) >= MOST_FAULTS:
            break
    if faults:
        raise InvalidRequest(*faults[:MOST_FAULTS])
    return value


def _faults_of(row: object, path: str) -> list[Fault]:
    if not isinstance(row, dict):
        return [Fault(path, f"must be an object, not {type_name(row)}.")]
    faults: list[Fault] = []
    check_names(row, NAMES, UNUSED, "field", faults)
    if row.get("createdAt") is not None:
        try:
            read_moment(row["createdAt"])
        except InvalidField as error:
            faults.append(Fault("createdAt", str(error)))
    return [Fault(f"{path}.{each.path}", each.message) for each in faults]


_ROWS = {
    "type": "array",
    "items": schema_of(ImportedSubscriber),
    "minItems": 1,
    "maxItems": MOST_ROWS,
}


@inputs
class NewImport(Inputs):
    """`enrollInSequences`: without it, imported people start no sequence. `idempotencyKey`: the
    same key with the same content is answered with the first import.
    """

    unused = UNUSED

    subscribers: Annotated[list[Mapping[str, Any]], Reads(_read_rows, _ROWS)]
    duplicate_strategy: Strategy = Duplicates.SKIP
    opt_in_mode: Mode = OptInMode.DEFAULT
    enroll_in_sequences: Flag = False
    list_ids: ListNames | None = None
    file_name: Annotated[str, text_word()] | None = None
    idempotency_key: Annotated[str, text_word()] | None = None


def used_fields(
    given: Sequence[Mapping[str, Any]],
) -> tuple[list[dict[str, Any]], list[Warned]]:
    """Return the rows with only the fields that an import uses, and warnings about the rest."""
    rows, warnings, unused = [], [], set()
    for place, each in enumerate(given):
        row = {name: value for name, value in each.items() if name in NAMES}
        unused |= each.keys() - NAMES
        zone = row.get("timezone")
        if zone is not None and zone != "":
            try:
                read_zone(zone)
            except InvalidField as error:
                del row["timezone"]
                words = f"{error} The row is taken in without it."
                warnings.append(Warned(path=f"subscribers[{place}].timezone", message=words))
        rows.append(row)
    if len(warnings) > MOST_WARNINGS:
        rest = counted(len(warnings) - MOST_WARNINGS, "more row", "more rows")
        more = f"The time zone is unknown in {rest}, too."
        warnings[MOST_WARNINGS:] = [Warned(path="subscribers", message=more)]
    warnings += [
        Warned(path=f"subscribers[].{name}", message="changes nothing here.")
        for name in sorted(unused)
    ]
    return rows, warnings


def count_people(rows: Sequence[Mapping[str, Any]]) -> tuple[int, int]:
    """Return how many rows have an address, and how many name somebody of an earlier row."""
    seen: set[str] = set()
    with_address = repeated = 0
    for row in rows:
        email, external_id = row.get("email"), row.get("externalId")
        key = None
        if isinstance(email, str):
            try:
                key = addresses.parse(email).key
                with_address += 1
            except addresses.InvalidAddress:
                pass
        key = key or (f" {external_id}" if external_id else None)
        repeated += key in seen
        if key is not None:
            seen.add(key)
    return with_address, repeated
