"""A backtest equals what the engine did when the same events were sent live.

The sequences and the events are drawn, with rules that ask for events only: of those history holds
everything.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from random import Random
from typing import Any

import pytest
import time_machine

from events.models import Enrollment, Event, StepRun
from events.services import backtests
from events.services.backtests import person_events, snapshots
from events.services.backtests.replaying import PersonToday, replay
from events.services.engine.claimed import Shared
from subscribers.models import Subscriber, Workspace
from tests import factories
from tests.support import random_histories
from tests.support.calling import Caller
from tests.support.sequence_making import NOON, make_sequence
from tests.support.time_travel import TimeTravel

pytestmark = pytest.mark.django_db
PEOPLE = 3
LENGTH = timedelta(days=random_histories.DAYS + 3)
# Before the days that the backtest asks for.
EARLIER = timedelta(days=10)
Story = list[Any]


@pytest.mark.parametrize("seed", range(10))
def test_a_backtest_equals_what_the_engine_did(
    workspace: Workspace, caller: Caller, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    # A slice for each person: the result is stored and read again in between.
    monkeypatch.setattr(backtests.runs, "PEOPLE_AT_ONCE", 1)
    monkeypatch.setattr(backtests.runs, "SLICE_SECONDS", 0)
    random = Random(seed)  # noqa: S311 - draws test data
    for number in range(PEOPLE):
        factories.SubscriberFactory.create(
            workspace=workspace, email=f"person-{number}@example.com"
        )
    before = random_histories.history(random, since=NOON - EARLIER - LENGTH, people=PEOPLE)
    send([each for each in before if each.at < NOON - EARLIER], caller)
    sequence = make_sequence(workspace, **{"steps": [], **random_histories.sequence(random)})
    reported = random_histories.history(random, since=NOON, people=PEOPLE)
    travel = send(reported, caller)
    travel.run_until(NOON + LENGTH)

    run = backtests.request(
        sequence=sequence, days=LENGTH.days, requested_by="ada", now=NOON + LENGTH
    )

    replayed = stories_of_replay(run)
    while backtests.carry_on(now=NOON + LENGTH):
        pass
    run.refresh_from_db()
    assert replayed == stories_of_engine()
    assert totals_of(run.result) == totals_of_engine()
    assert run.since == NOON
    assert sum(len(story) for story, _ in replayed.values()) > 0


def send(reported: list[random_histories.Reported], caller: Caller) -> TimeTravel:
    """Send each request at its time, after what was due then."""
    travel = TimeTravel(NOON - EARLIER - LENGTH)
    for each in reported:
        travel.run_until(each.at)
        with time_machine.travel(each.at, tick=False):
            assert caller.bulk(*each.events, email=each.person).status == 200
    return travel


def stories_of_engine() -> dict[str, tuple[Story, Mapping[Any, int]]]:
    """Return each person's enrollments, with their mails, and why others did not begin."""
    found: dict[str, tuple[Story, Mapping[Any, int]]] = {}
    for person in Subscriber.objects.all():
        rows = Enrollment.objects.filter(subscriber=person).order_by("entered_at", "id")
        story = [
            (
                row.entered_at,
                sorted(mails_of(row)),
                *how_it_ended(row.status, row.reason),
            )
            for row in rows
        ]
        refused: Counter[Any] = Counter()
        for event in Event.objects.filter(subscriber=person, received_at__gte=NOON):
            for each in event.effects.get("sequencesNotStarted", ()):
                refused[each["reason"], each.get("path", "")] += 1
        if story or refused:
            found[person.email] = (story, refused)
    return found


def totals_of(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the page and its CSV show; an enrollment under way has one word for it."""
    ended: Counter[tuple[str, str]] = Counter()
    for key, count in result["ended"].items():
        ended[how_it_ended(*key.split("|"))] += count
    entries = [(*line[:3], *how_it_ended(*line[3:])) for line in result["entries"]]
    left_out = ("events", "ended", "entries")
    plain = {name: value for name, value in result.items() if name not in left_out}
    return {**plain, "ended": ended, "entries": entries}


def totals_of_engine() -> dict[str, Any]:
    """Return the same, counted from the rows of the engine and the events."""
    rows = list(Enrollment.objects.order_by("subscriber_id", "entered_at", "id"))
    mails = [mail for row in rows for mail in mails_of(row)]
    ended = [how_it_ended(row.status, row.reason) for row in rows]
    lines = [
        (row.subscriber_id.hex, row.entered_at.isoformat(), len(mails_of(row))) for row in rows
    ]
    refused: Counter[str] = Counter()
    for _, of_person in stories_of_engine().values():
        for (reason, path), count in of_person.items():
            refused[f"{reason}|{path}" if path else reason] += count
    starting = Event.objects.filter(definition__name="signup", occurred_at__gte=NOON)
    return {
        "people": starting.values("subscriber").distinct().count(),
        "entered": len(rows),
        "mails": len(mails),
        "entered_by_day": Counter(f"{row.entered_at:%Y-%m-%d}" for row in rows),
        "mails_by_day": Counter(f"{sent_at:%Y-%m-%d}" for sent_at, _ in mails),
        "mails_by_step": Counter(str(place) for _, place in mails),
        "skipped": {},
        "refused": refused,
        "ended": Counter(ended),
        "entries": [(*line, *how) for line, how in zip(lines, ended, strict=True)],
    }


def how_it_ended(status: str, reason: str) -> tuple[str, str]:
    return ("under way", "") if status in Enrollment.UNDER_WAY else (status, reason)


def mails_of(row: Enrollment) -> list[Any]:
    sent = StepRun.objects.filter(enrollment=row, step__kind="email", status="done")
    found = sent.values_list("email__sending_since", "email__sent_at", "step__position")
    return [(sent_at, place) for _, sent_at, place in found]


def stories_of_replay(run: Any) -> dict[str, tuple[Story, Mapping[Any, int]]]:
    compiled = snapshots.compiled(run)
    found: dict[str, tuple[Story, Mapping[Any, int]]] = {}
    for person in Subscriber.objects.all():
        rows = backtests.runs._events(compiled, [person.pk]).get(person.pk, [])
        replayed = replay(
            compiled,
            PersonToday(
                subscriber=person,
                is_suppressed=False,
                shared=Shared(subscriber_ids=[person.pk], event_ids=()),
                events=person_events.PersonEvents(rows),
            ),
        )
        story = [
            (
                each.at,
                sorted(each.mails),
                *how_it_ended(each.status, each.reason),
            )
            for each in replayed.entered
        ]
        if story or replayed.refused:
            found[person.email] = (story, replayed.refused)
    return found
