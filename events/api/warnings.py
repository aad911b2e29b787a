"""The `warnings` of an answer: what a request gave that was not used, or not as it seems."""

from collections.abc import Sequence
from typing import Any

from events.api.base import path_of
from events.intake.unknown_fields import MOST_WARNINGS, NONE, Unknown
from events.services.ingestion.ingest import IngestResult
from events.services.ingestion.recording import Recorded
from subscribers.wire.amounts import counted
from subscribers.wire.payloads import Fault

ADDRESS_KEPT = (
    "differs from the address that is stored under this externalId, which stays."
    " Mail goes to the stored one."
)
TEXT_KEPT = "was not stored: the person has another one, which stays."
ATTRIBUTE_KEPT = "was not stored: history only adds what is missing, and the person has a value."


def warnings_of(certain: Sequence[Fault], unknown: Unknown) -> dict[str, Any]:
    """Return the answer's `warnings`, nothing where there are none."""
    if not certain and unknown is NONE:
        return {}
    faults = [*certain, *unknown.faults]
    more = unknown.more + len(faults[MOST_WARNINGS:])
    said = [{"path": each.path, "message": each.message} for each in faults[:MOST_WARNINGS]]
    if more:
        said.append(
            {
                "path": "",
                "message": f"{counted(more, 'more warning is', 'more warnings are')} not listed.",
            }
        )
    return {"warnings": said}


def of_result(result: IngestResult, *, first: int | None = 0, of_person: str = "") -> list[Fault]:
    """Return what to warn of.

    `first` is the index of the result's first event, None in the call of one event. `of_person` is
    the path before the person's fields.
    """
    notes = result.notes
    if notes is None:
        return []
    said = [
        Fault(f"{of_person}{name}", ADDRESS_KEPT if name == "email" else TEXT_KEPT)
        for name in notes.kept_fields
    ]
    said += [
        Fault(f"{of_person}customAttributes.{name}", ATTRIBUTE_KEPT)
        for name in notes.kept_attributes
    ]
    if notes.left_on is not None:
        on = f" on {notes.left_on}" if notes.left_on else ""
        message = f"The person left{on}; send resubscribe: true to ask them to confirm again."
        said.append(Fault(f"{of_person}resubscribe", message))
    return said + [
        Fault(
            "event" if first is None else path_of(first + index, "name"),
            f"is new, and differs from the known {notes.alike_names[each.name]!r} only by case,"
            " blanks or separators.",
        )
        for index, each in enumerate(result.outcomes)
        if isinstance(each, Recorded)
        and each.is_definition_created
        and each.name in notes.alike_names
    ]
