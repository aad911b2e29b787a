"""Fields of a request that we do not know: they change nothing, and the answer names them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from events.intake.payloads import RejectedEvent
from subscribers.wire import json_gate, profile
from subscribers.wire.nearest import nearest
from subscribers.wire.payloads import Fault

OF_PERSON = frozenset(
    {
        "email", "externalId", "customAttributes", "resubscribe",
        *[text.wire_name for text in profile.TEXTS],
    }
)  # fmt: skip
OF_EVENT = frozenset({"name", "properties", "occurredAt", "eventId"})
OF_BULK = OF_PERSON | {"events"}
# The answer says something else of `account`.
OF_SINGLE = (OF_PERSON | OF_EVENT | {"event", "account"}) - {"name"}
OF_IMPORTS = frozenset({"events"})
OF_IMPORTED_EVENT = OF_PERSON | OF_EVENT
# An answer has no more warnings; the rest is counted.
MOST_WARNINGS = 20


@dataclass(frozen=True, slots=True)
class Unknown:
    """The first unknown fields of a request, and how many more it has."""

    faults: Sequence[Fault] = ()
    more: int = 0


NONE = Unknown()


def unknown_in(
    body: Mapping[str, Any],
    known: frozenset[str],
    parsed: Sequence[object],
    *,
    raw_events: Sequence[Any] | None = None,
    known_in_events: frozenset[str] = OF_EVENT,
) -> Unknown:
    """Return the unknown fields of a request and of its events.

    `parsed` are the events as they were read; without `raw_events` the body is the only one.
    """
    raws = raw_events or ()
    is_known = known_in_events.issuperset
    # Nearly every request, so that it costs a comparison of sets.
    if known.issuperset(body) and all(
        [is_known(raw) for raw in raws if type(raw) is dict]  # noqa: C419 - a generator is slower
    ):
        return NONE
    faults: list[Fault] = []
    more = 0
    objects = [("", body, known, parsed[0] if raw_events is None else None)]
    objects += [
        (f"events[{index}].", raw, known_in_events, parsed[index])
        for index, raw in enumerate(raws)
        if isinstance(raw, dict)
    ]
    for prefix, raw, words, event in objects:
        for name in [each for each in raw if each not in words]:
            # The nearest word takes long to find.
            if len(faults) < MOST_WARNINGS:
                path = f"{prefix}{json_gate.printable(name)}"
                faults.append(Fault(path, _sentence(name, raw, words, event)))
            else:
                more += 1
    return Unknown(faults, more)


def _sentence(name: str, raw: Mapping[str, Any], known: frozenset[str], event: object) -> str:
    meant = nearest(name, [each for each in known if each not in raw])
    if meant is None:
        return "unknown; it changes nothing."
    is_now = meant == "occurredAt" and event is not None and not isinstance(event, RejectedEvent)
    return f"unknown; did you mean {meant}?" + " The event was recorded as happening now." * is_now
