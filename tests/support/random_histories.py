"""Random sequences whose rules ask for events only, and random histories of events for them.

Times are noon and midnight, so that what falls due and what comes often share a moment.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

HOUR = timedelta(hours=1)
DAYS = 8
NAMES = ("signup", "bought", "opened", "cancelled")
CARTS = ("a", "b")
PLANS = ("solo", "pro")


@dataclass(frozen=True, slots=True)
class Reported:
    """What one person reports in one request: names with properties, in order."""

    at: datetime
    person: str
    events: list[dict[str, Any]]


def sequence(random: Random) -> Mapping[str, Any]:
    """Return the wire form of a sequence that `signup` starts, without a name."""
    wire: dict[str, Any] = {"enrollmentMode": random.choice(MODES), "steps": steps(random)}
    if wire["enrollmentMode"] == "matching_field":
        wire["enrollmentFieldPath"] = "cart"
    if random.random() < 0.4:
        wire["propertyFilters"] = [{"path": "plan", "operator": "equals", "value": "pro"}]
    if random.random() < 0.6:
        stop: dict[str, Any] = {"type": "event_received", "value": random.choice(NAMES[1:])}
        if random.random() < 0.5:
            stop["propertyFilters"] = [same_cart()]
        elif wire["enrollmentMode"] == "matching_field":
            stop["matchConfig"] = {"mode": "matching_field", "fieldPath": "cart"}
        wire["stopCondition"] = stop
    if random.random() < 0.3:
        wire["sendingWindow"] = {
            "enabled": True, "days": ["monday", "tuesday", "thursday", "saturday"],
            "startTime": "09:00", "endTime": "17:00", "timezone": "UTC",
        }  # fmt: skip
    return wire


MODES = ("unlimited", "one_time", "matching_field", "restart")


def same_cart() -> dict[str, Any]:
    return {"path": "cart", "operator": "equals", "entryPath": "cart"}


def steps(random: Random) -> list[dict[str, Any]]:
    """Return three to seven steps and a last mail, with the id `last`."""
    found = [step(random, number) for number in range(random.randint(3, 7))]
    return [*found, {"id": "last", **mail("last")}]


def mail(name: str) -> dict[str, Any]:
    return {"type": "email", "subject": name, "text": "Hello"}


def step(random: Random, number: int) -> dict[str, Any]:
    kind = random.choice(("email", "delay", "delay", "wait", "condition", "split", "exit"))
    found: dict[str, Any]
    filters = [same_cart()] if random.random() < 0.5 else []
    match kind:
        case "email":
            found = mail(f"mail {number}")
        case "delay":
            found = {"type": "delay", "hours": random.choice((0, 12, 24, 60, 5))}
        case "wait":
            found = {
                "type": "wait_for_event",
                "eventName": random.choice(NAMES[1:]),
                "propertyFilters": filters,
                "timeout": {"hours": random.choice((12, 24, 48, 7))},
                "onTimeout": random.choice(("continue", "continue", "exit")),
            }
        case "condition":
            found = {"type": "condition", "rules": [rule(random, filters)], "onFalse": "last"}
        case "split":
            found = {
                "type": "split",
                "branches": [
                    {"weight": 1, "steps": [mail(f"left {number}")]},
                    {"weight": 2, "steps": [{"type": "delay", "hours": 12}]},
                ],
            }
        case _:
            # Only where a condition or a filter leads past it.
            found = {
                "type": "condition",
                "rules": [{"type": "event_property", "path": "plan", "operator": "exists"}],
                "onFalse": "exit",
            }
    return found


def rule(random: Random, filters: list[dict[str, Any]]) -> dict[str, Any]:
    if random.random() < 0.3:
        return {"type": "event_property", "path": "plan", "operator": "equals", "value": "pro"}
    kind = random.choice(("did_event", "did_event_ever", "did_not_event", "did_not_event_ever"))
    word, since = kind.removesuffix("_ever"), "ever" if kind.endswith("_ever") else "entry"
    asked = {"type": word, "eventName": random.choice(NAMES), "since": since}
    return {**asked, "propertyFilters": filters} if filters else asked


def history(random: Random, *, since: datetime, people: int) -> list[Reported]:
    """Return what the people report, in order."""
    found: dict[tuple[str, datetime], Reported] = {}
    for _ in range(people * 10):
        names = [random.choice(NAMES) for _ in range(random.choice((1, 1, 1, 2, 3)))]
        reported = Reported(
            at=since + random.randrange(DAYS * 2) * 12 * HOUR,
            person=f"person-{random.randrange(people)}@example.com",
            events=[{"name": name, "properties": properties(random)} for name in names],
        )
        # Of two requests at one moment nothing says what the worker did between them.
        found[reported.person, reported.at] = reported
    return sorted(found.values(), key=lambda each: each.at)


def properties(random: Random) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if random.random() < 0.8:
        found["cart"] = random.choice(CARTS)
    if random.random() < 0.8:
        found["plan"] = random.choice(PLANS)
    return found
