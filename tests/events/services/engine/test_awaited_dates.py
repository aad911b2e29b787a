"""Waits for dates: read again when they change or the wait ends, and missed when that is late."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext

from events.models import Enrollment
from events.services.enrollments import by_operator
from events.services.sequences import sequences
from subscribers.models import Subscriber, Workspace
from subscribers.services.consent.ledger import Circumstances
from subscribers.services.imports.people import Duplicates
from subscribers.services.people import merging
from tests import factories
from tests.events.services.ingestion.fast_path.test_fast_path import is_fast
from tests.support.calling import Caller
from tests.support.engine_running import begin, outcomes
from tests.support.importing_files import import_events, write_lines
from tests.support.importing_people import import_rows
from tests.support.sequence_making import MAIL, NOON, make_sequence
from tests.support.time_travel import TimeTravel

pytestmark = pytest.mark.django_db
ADA = "ada@example.com"
Change = Callable[[Caller, str, Path], None]


def until(field: str = "due", source: str = "attribute", **fields: Any) -> dict[str, Any]:
    return {"type": "delay", "waitUntil": {"field": field, "source": source, **fields}}


def on(day: int, hour: int = 0) -> datetime:
    return datetime(2026, 12, day, hour, tzinfo=UTC)


def at_noon(caller: Caller, *events: Any, **fields: Any) -> None:
    with time_machine.travel(NOON, tick=False):
        assert caller.bulk(*events, email=ADA, **fields).status == 200


def by_request(caller: Caller, due: str, _: Path) -> None:
    # Defined, so that the fast path is asked.
    at_noon(caller, {"name": "seen"}, customAttributes={"due": due})


def by_import_of_people(caller: Caller, due: str, _: Path) -> None:
    row = {"email": ADA, "customAttributes": {"due": due}}
    import_rows(caller.workspace, row, duplicates=Duplicates.OVERWRITE)


def by_import_of_events(caller: Caller, due: str, folder: Path) -> None:
    row = {
        "email": ADA,
        "name": "seen",
        "eventId": "e1",
        "occurredAt": (NOON + timedelta(seconds=1)).isoformat(),
        "customAttributes": {"due": due},
    }
    with time_machine.travel(NOON, tick=False):
        import_events(write_lines(folder / "events.jsonl", [row]), "--attributes=newest")


def by_step(caller: Caller, due: str, _: Path) -> None:
    step = {"type": "update_subscriber", "attributes": {"due": due}}
    begin(make_sequence(caller.workspace, step), Subscriber.objects.get(email=ADA))
    TimeTravel(NOON).tick()


def by_merge(caller: Caller, due: str, _: Path) -> None:
    kept = factories.SubscriberFactory.create(workspace=caller.workspace, attributes={"due": due})
    merging.merge(
        kept_id=kept.pk,
        gone_id=Subscriber.objects.get(email=ADA).pk,
        attributes_bytes=1000,
        circumstances=Circumstances(actor="grace"),
        now=NOON,
    )


@pytest.mark.parametrize("due", ["2026-12-10", "2026-12-28", "2026-11-24T11:30:00Z"])
@pytest.mark.parametrize(
    "change", [by_request, by_import_of_people, by_import_of_events, by_step, by_merge]
)
def test_a_date_that_is_moved_moves_the_wait(
    caller: Caller, change: Change, due: str, tmp_path: Path
) -> None:
    make_sequence(caller.workspace, until(pastAction="skip"), MAIL)
    at_noon(caller, {"name": "seen"})
    at_noon(caller, {"name": "signup"}, customAttributes={"due": "2026-12-24"})
    travel = TimeTravel(NOON)
    travel.tick()

    change(caller, due, tmp_path)
    travel.tick()

    waiting = Enrollment.objects.filter(status="waiting").values_list("due_at", flat=True)
    is_over = due.startswith("2026-11")
    assert list(waiting) == ([] if is_over else [on(int(due[-2:]))])
    travel.run_until(on(31))
    assert len(mail.outbox) == (0 if is_over else 1)


def test_a_step_moves_a_wait_that_begins_in_the_same_moment(workspace: Workspace) -> None:
    person = factories.SubscriberFactory.create(
        workspace=workspace, attributes={"due": "2026-12-24"}
    )
    begin(make_sequence(workspace, until(), MAIL), person)
    step = {"type": "update_subscriber", "attributes": {"due": "2026-12-10"}}
    begin(make_sequence(workspace, step), person)
    travel = TimeTravel(NOON)

    travel.tick()
    travel.tick()

    assert Enrollment.objects.get(status="waiting").due_at == on(10)


def test_other_attributes_wake_nobody_and_keep_the_fast_path(caller: Caller) -> None:
    make_sequence(caller.workspace, until(), MAIL)
    at_noon(caller, {"name": "signup"}, customAttributes={"due": "2026-12-24"})
    TimeTravel(NOON).tick()

    at_noon(caller, {"name": "seen"})
    with CaptureQueriesContext(connection) as queries:
        at_noon(caller, {"name": "seen"}, customAttributes={"due": "2026-12-24", "plan": "pro"})

    assert is_fast(queries)
    assert Enrollment.objects.get().due_at == on(24)


def test_a_paused_wait_reads_its_date_when_it_is_resumed(caller: Caller) -> None:
    make_sequence(caller.workspace, until(), MAIL)
    at_noon(caller, {"name": "signup"}, customAttributes={"due": "2026-12-24"})
    TimeTravel(NOON).tick()
    enrollment = Enrollment.objects.get()
    by_operator.pause(enrollment=enrollment, now=NOON)

    at_noon(caller, {"name": "seen"}, customAttributes={"due": "2026-12-28"})
    by_operator.resume(enrollment=enrollment, now=NOON)
    TimeTravel(NOON).tick()

    enrollment.refresh_from_db()
    assert (enrollment.status, enrollment.due_at) == ("waiting", on(28))


def test_an_operator_ends_a_wait_for_a_date(caller: Caller) -> None:
    make_sequence(caller.workspace, until(), MAIL)
    at_noon(caller, {"name": "signup"}, customAttributes={"due": "2026-12-24"})
    travel = TimeTravel(NOON)
    travel.tick()

    by_operator.send_now(enrollment=Enrollment.objects.get(), now=NOON)
    travel.run_for(timedelta(minutes=1))

    assert len(mail.outbox) == 1


@pytest.mark.parametrize("is_paused", [True, False])
@pytest.mark.parametrize("source", ["event", "attribute"])
def test_a_reminder_that_wakes_after_its_date_is_over_is_skipped(
    caller: Caller, source: str, *, is_paused: bool
) -> None:
    wait = until("startsAt", source, direction="before", hours=24, pastAction="skip")
    sequence = make_sequence(caller.workspace, wait, MAIL)
    day = {"startsAt": "2026-12-05"}
    at_noon(caller, {"name": "signup", "properties": day}, customAttributes=day)
    travel = TimeTravel(NOON)
    travel.run_until(on(1))
    if is_paused:
        sequences.pause(sequence=sequence, now=travel.now)
        travel.run_until(on(15))
        sequences.activate(sequence=sequence, now=travel.now)
    # Without a pause there was no worker.
    travel.now = on(15)

    travel.run_for(timedelta(hours=1))

    assert mail.outbox == []
    assert outcomes(Enrollment.objects.get()) == [{"reason": "date_past", "action": "skip"}]


def test_an_hours_delay_is_no_reason_to_skip(caller: Caller) -> None:
    make_sequence(caller.workspace, until(pastAction="skip"), MAIL)
    at_noon(caller, {"name": "signup"}, customAttributes={"due": "2026-12-05"})
    travel = TimeTravel(NOON)
    travel.tick()

    travel.now = on(5, hour=1)
    travel.run_for(timedelta(minutes=1))

    assert len(mail.outbox) == 1


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({}, "date_missing"),
        ({"birthday": ""}, "date_missing"),
        ({"birthday": "24.12.2026"}, "date_unreadable"),
    ],
)
def test_the_row_says_whether_a_date_is_missing_or_cannot_be_read(
    caller: Caller, attributes: dict[str, str], reason: str
) -> None:
    wait = until("birthday", "subscriber", missingAction="exit")
    make_sequence(caller.workspace, wait, MAIL)
    at_noon(caller, {"name": "signup"}, customAttributes=attributes)

    TimeTravel(NOON).run_for(timedelta(days=1))

    enrollment = Enrollment.objects.get()
    assert (enrollment.reason, mail.outbox) == (reason, [])
    assert outcomes(enrollment) == [{"reason": reason, "action": "exit"}]


def test_a_birthday_is_waited_for_and_can_start_the_next_year(caller: Caller) -> None:
    make_sequence(
        caller.workspace,
        until("birthday", anniversary=True, missingAction="exit"),
        MAIL,
        {"type": "delay", "days": 1},
        {"type": "update_tags", "remove": ["birthday"]},
        {"type": "update_tags", "add": ["birthday"]},
        enrollmentMode="restart",
        trigger="tag_added",
        tagNames=["birthday"],
    )
    person = factories.SubscriberFactory.create(
        workspace=caller.workspace, attributes={"birthday": "1992-02-29"}
    )
    start = make_sequence(caller.workspace, {"type": "update_tags", "add": ["birthday"]})
    begin(start, person)
    travel = TimeTravel(NOON)

    travel.run_until(datetime(2028, 12, 31, tzinfo=UTC))

    sent = person.emails.order_by("id").values_list("sent_at__date", flat=True)
    assert list(map(str, sent)) == ["2027-02-28", "2028-02-29"]


def test_a_weekday_with_a_start_alone_waits_for_it(workspace: Workspace) -> None:
    wait = {"type": "delay", "waitUntilWeekday": {"days": ["monday"], "startTime": "09:00"}}
    sequence = make_sequence(workspace, wait, MAIL)
    monday = datetime(2026, 11, 30, 15, tzinfo=UTC)
    person = factories.SubscriberFactory.create(workspace=workspace)
    enrollment = begin(sequence, person, step_since=monday, due_at=monday)

    TimeTravel(monday).tick()

    enrollment.refresh_from_db()
    assert enrollment.due_at == on(7, hour=9)
