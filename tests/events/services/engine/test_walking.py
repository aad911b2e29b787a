"""Decisions of a walk, in memory: nothing is stored, so what is met is given."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest

from events.language import steps
from events.language.filters import Filter
from events.language.steps.kinds.base import BaseStep
from events.models import Enrollment
from events.services.engine.loaded_versions import LoadedVersion, PlacedStep
from events.services.engine.walking import (
    Calls,
    Changes,
    Ended,
    Position,
    SeenEvent,
    Waits,
    Walked,
    walk,
)
from tests.support.sequence_making import MAIL, NOON

DAY = timedelta(days=1)
WAIT = {"type": "wait_for_event", "eventName": "bought", "timeout": 7}
DELAY = {"type": "delay", "days": 2}
TAG = {"type": "update_tags", "add": ["vip"]}
WANTS_PRO = {"type": "attribute", "path": "plan", "operator": "equals", "value": "pro"}
Status = Enrollment.Status


@dataclass
class Given:
    """The facts that a test gives."""

    tags: set[str] = field(default_factory=set)
    lists: set[str] = field(default_factory=set)
    attributes: Mapping[str, Any] = field(default_factory=dict)
    event_properties: Mapping[str, Any] = field(default_factory=dict)
    subscriber_id: UUID = field(default_factory=lambda: UUID(int=5))
    entered_at: datetime = NOON
    # Names of events, and when they were recorded.
    events: Mapping[str, datetime] = field(default_factory=dict)
    received: Mapping[UUID, datetime] = field(default_factory=dict)

    def zone(self, timezone: str) -> ZoneInfo:
        return ZoneInfo(timezone or "UTC")

    def find_event(
        self, name: str, filters: Sequence[Filter], *, since: datetime
    ) -> SeenEvent | None:
        at = None if filters else self.events.get(name)
        return SeenEvent(UUID(int=7), at) if at is not None and at > since else None

    def received_at(self, event_id: UUID) -> datetime | None:
        return self.received.get(event_id)

    def has_happened(self, name: str, filters: Sequence[Filter], *, since: datetime | None) -> bool:
        at = None if filters else self.events.get(name)
        return at is not None and (since is None or at > since)


def version_of(*wire: dict[str, Any]) -> LoadedVersion:
    parsed = steps.parse_steps(list(wire))
    placed = tuple(PlacedStep(uuid4(), place, step) for place, step in enumerate(parsed))
    return LoadedVersion(
        id=uuid4(),
        sequence_id=UUID(int=3),
        steps=placed,
        place_of_row={each.row_id: each.position for each in placed},
        place_of_key={each.step.id: each.position for each in placed},
        sending_window=None,
        mail_list="",
        from_email="",
        from_name="",
        reply_to="",
    )


def walked(
    *wire: dict[str, Any], given: Given | None = None, now: datetime = NOON, **position: Any
) -> Walked:
    """Walk from the first of these steps."""
    version = version_of(*wire)
    start = Position(version.steps[0], **{"since": NOON, **position})
    return walk(version=version, position=start, facts=given or Given(), now=now)


def calls(step_id: str) -> Calls:
    """Return the stop at a mail with an id."""
    return Calls(steps.EmailStep(id=step_id, subject="Hello", html="<p>Hello</p>"))


def outcomes_of(walk_done: Walked) -> list[Mapping[str, Any]]:
    return [each.outcome for each in walk_done.done]


def place_of(walk_done: Walked) -> int | None:
    placed = walk_done.position.placed
    return placed.position if placed else None


def test_a_delay_is_waited_for_at_its_step() -> None:
    found = walked(DELAY, MAIL)

    assert (found.stop, found.done, place_of(found)) == (Waits(NOON + 2 * DAY), [], 0)


def test_what_follows_a_delay_counts_from_its_end_however_late_it_is_seen() -> None:
    found = walked(DELAY, DELAY, now=NOON + 3 * DAY, is_waiting=True, due_at=NOON + 2 * DAY)

    assert found.stop == Waits(NOON + 4 * DAY)
    assert outcomes_of(found) == [{"waitedUntil": "2026-11-26T12:00:00Z"}]
    assert place_of(found) == 1


def test_the_end_is_reached_when_no_step_is_left() -> None:
    found = walked(DELAY, now=NOON + 2 * DAY)

    assert found.stop == Ended(Status.COMPLETED, "")
    assert place_of(found) is None


@pytest.mark.parametrize(
    ("step", "stop"),
    [(MAIL, Calls), (TAG, Changes), ({"type": "webhook", "url": "https://a.example"}, Calls)],
)
def test_a_step_that_does_something_is_stopped_at(step: dict[str, Any], stop: type[Any]) -> None:
    found = walked(step, DELAY)

    (parsed,) = steps.parse_steps([step])
    assert (found.stop, found.done, place_of(found)) == (stop(parsed), [], 0)


def test_a_kind_that_the_walk_does_not_know_stops_it_with_an_error() -> None:
    class LaterStep(BaseStep, frozen=True):
        kind: ClassVar = "later"

    version = version_of(MAIL)
    later: Any = LaterStep(id="later")
    start = Position(PlacedStep(uuid4(), 0, later), NOON)

    with pytest.raises(AssertionError, match="LaterStep"):
        walk(version=version, position=start, facts=Given(), now=NOON)


def test_an_exit_ends_the_enrollment() -> None:
    found = walked({"type": "exit"}, MAIL)

    assert found.stop == Ended(Status.COMPLETED, "exit")
    assert len(found.done) == 1


def test_a_wait_is_entered_until_its_timeout() -> None:
    found = walked(WAIT, MAIL)

    assert found.stop == Waits(NOON + 7 * DAY, awaits="bought")


def test_a_wait_that_is_met_when_it_is_entered_takes_the_events_time() -> None:
    bought_at = NOON + timedelta(hours=1)

    found = walked(WAIT, DELAY, given=Given(events={"bought": bought_at}), now=NOON + DAY)

    assert outcomes_of(found) == [{"event": UUID(int=7).hex}]
    assert found.stop == Waits(bought_at + 2 * DAY)


def test_a_release_counts_even_when_it_is_seen_after_the_timeout() -> None:
    event_id, bought_at = uuid4(), NOON + 6 * DAY

    found = walked(
        WAIT,
        DELAY,
        given=Given(received={event_id: bought_at}),
        now=NOON + 9 * DAY,
        is_waiting=True,
        due_at=NOON + 7 * DAY,
        released_by=event_id,
    )

    assert outcomes_of(found)[0] == {"event": event_id.hex}
    assert found.done[0].ended_at == bought_at


def test_a_wait_looks_for_no_event_once_it_was_entered() -> None:
    found = walked(
        WAIT,
        MAIL,
        given=Given(events={"bought": NOON + 6 * DAY}),
        now=NOON + 7 * DAY,
        is_waiting=True,
        due_at=NOON + 7 * DAY,
    )

    assert outcomes_of(found) == [{"timedOut": True, "action": "continue"}]
    assert found.position.since == NOON + 7 * DAY


def test_a_timeout_may_end_the_enrollment() -> None:
    found = walked({**WAIT, "onTimeout": "exit"}, MAIL, now=NOON + 8 * DAY)

    assert found.stop == Ended(Status.COMPLETED, "timeout")
    assert outcomes_of(found) == [{"timedOut": True, "action": "exit"}]


def test_a_released_event_that_is_gone_counts_now() -> None:
    found = walked(WAIT, DELAY, now=NOON + DAY, is_waiting=True, released_by=uuid4())

    assert found.stop == Waits(NOON + 3 * DAY)


@pytest.mark.parametrize(("plan", "place"), [("pro", 1), ("free", 2)])
def test_a_condition_leads_on_or_to_the_step_it_names(plan: str, place: int) -> None:
    condition = {"type": "condition", "rules": [WANTS_PRO], "onFalse": "last"}

    found = walked(condition, MAIL, {**MAIL, "id": "last"}, given=Given(attributes={"plan": plan}))

    assert place_of(found) == place
    assert found.done[0].outcome["isMet"] == (plan == "pro")
    if plan != "pro":
        assert found.done[0].outcome["unmet"]["path"] == "plan"
        assert found.done[0].outcome["goesTo"] == "last"


def test_a_condition_may_end_the_enrollment() -> None:
    found = walked({"type": "condition", "rules": [WANTS_PRO], "onFalse": "exit"}, MAIL)

    assert found.stop == Ended(Status.COMPLETED, "condition_not_met")


def until_date(missing: str = "continue", past: str = "continue") -> dict[str, Any]:
    field_of = {"field": "trial.endsAt", "source": "event"}
    rules = {"missingAction": missing, "pastAction": past}
    return {"type": "delay", "mode": "until_date", **field_of, **rules}


@pytest.mark.parametrize(
    ("action", "stop", "place"),
    [
        ("continue", calls("email-2"), 1),
        ("skip", calls("x"), 2),
        ("exit", Ended(Status.COMPLETED, "date_past"), 0),
    ],
)
def test_a_date_that_is_past_goes_on_skips_or_ends(
    action: str, stop: Calls | Ended, place: int
) -> None:
    given = Given(event_properties={"trial": {"endsAt": "2026-11-20T12:00:00Z"}})

    found = walked(until_date(past=action), MAIL, {**MAIL, "id": "x"}, given=given)

    assert (found.stop, place_of(found)) == (stop, place)
    assert outcomes_of(found) == [{"reason": "date_past", "action": action}]


@pytest.mark.parametrize(
    ("action", "stop"),
    [("continue", calls("email-2")), ("exit", Ended(Status.COMPLETED, "date_missing"))],
)
def test_a_date_that_is_missing_goes_on_or_ends(action: str, stop: Calls | Ended) -> None:
    found = walked(until_date(missing=action), MAIL)

    assert found.stop == stop
    assert outcomes_of(found) == [{"reason": "date_missing", "action": action}]


def test_a_date_to_come_is_waited_for() -> None:
    given = Given(event_properties={"trial": {"endsAt": "2026-12-01T12:00:00Z"}})

    found = walked(until_date(), MAIL, given=given)

    assert found.stop == Waits(NOON + 7 * DAY)
