"""Everybody of a segment enters a sequence once, whatever happens to the worker."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection

from events.models import AudienceEnrollment, Enrollment
from events.services.enrollments import by_segment, entering
from events.services.enrollments.by_segment import AlreadyRunning, OtherWorkspace
from events.services.segments import members
from events.services.sequences import sequences
from events.services.sequences.sequences import NotActive
from subscribers.models import SubscriberTag, Workspace
from tests import factories
from tests.support.segment_making import ACTIVE, make_segment, tagged
from tests.support.sequence_making import MAIL, NOON, make_sequence

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)
Status = AudienceEnrollment.Status


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three people in a transaction, and four in a window."""
    monkeypatch.setattr(by_segment, "BATCH", 3)
    monkeypatch.setattr(
        members.windows, "__kwdefaults__", {"after": None, "up_to": None, "size": 4}
    )


def soon() -> datetime:
    """People made by factories have ids of the real clock, so runs begin after it."""
    return datetime.now(tz=NOON.tzinfo) + timedelta(seconds=1)


def at(moment: datetime) -> Callable[[], datetime]:
    return lambda: moment


def begin(workspace: Workspace, **options: Any) -> AudienceEnrollment:
    sequence = make_sequence(workspace, MAIL)
    now = options.pop("now", soon())
    return by_segment.start(segment=make_segment(workspace), sequence=sequence, now=now, **options)


def entered(run: AudienceEnrollment) -> int:
    return Enrollment.objects.filter(sequence=run.sequence).count()


def test_everybody_who_matches_enters_once(workspace: Workspace) -> None:
    people = tagged(workspace, 8)
    left = tagged(workspace, 1, unsubscribed=True)
    factories.SubscriberFactory.create(workspace=workspace)
    run = begin(workspace)

    count = by_segment.advance_due(clock=at(soon()))
    again = by_segment.advance_due(clock=at(soon()))

    run.refresh_from_db()
    rows = Enrollment.objects.filter(sequence=run.sequence)
    assert (count, again) == (8, 0)
    assert {row.subscriber_id for row in rows} == {person.pk for person in people}
    assert {row.entered_via["name"] for row in rows} == {"VIPs"}
    assert run.status == Status.COMPLETED
    assert (run.enrolled_count, run.skipped_count, run.processed_count) == (8, 1, 9)
    assert run.skipped_reasons == {"subscriber_unsubscribed": len(left)}


def test_a_dry_run_counts_and_changes_nothing(workspace: Workspace) -> None:
    people = tagged(workspace, 4)
    tagged(workspace, 2, pending=True)
    sequence = make_sequence(workspace, MAIL)
    entering.enroll(sequence=sequence, subscribers=people[:1], now=NOON)

    found = by_segment.estimate(segment=make_segment(workspace), sequence=sequence, now=soon())

    assert (found.matching.number, found.enrollable.number, found.already_enrolled.number) == (
        6, 3, 1,
    )  # fmt: skip
    assert Enrollment.objects.count() == 1
    assert not AudienceEnrollment.objects.exists()


@pytest.mark.parametrize("batches", [0, 1, 2])
def test_a_killed_worker_enrolls_nobody_twice(workspace: Workspace, batches: int) -> None:
    tagged(workspace, 8)
    run = begin(workspace)
    written = []

    def die(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        """End the work when a batch is written, and its position is about to be."""
        if sql.startswith("UPDATE") and '"enrolled_count" =' in sql:
            written.append(sql)
            if len(written) > batches:
                raise DatabaseError
        return execute(sql, params, many, context)

    with connection.execute_wrapper(die), pytest.raises(DatabaseError):
        by_segment.advance_due(clock=at(soon()))
    after_the_kill = entered(run)
    by_segment.advance_due(clock=at(soon()))

    run.refresh_from_db()
    assert after_the_kill < 8
    assert entered(run) == run.enrolled_count == 8
    assert run.status == Status.COMPLETED


def test_a_stale_process_writes_nothing(workspace: Workspace) -> None:
    tagged(workspace, 8)
    run = begin(workspace)
    stale = AudienceEnrollment.objects.select_related("sequence", "segment").get(pk=run.pk)
    by_segment.advance_due(clock=at(soon()))
    Enrollment.objects.update(status=Enrollment.Status.COMPLETED, entry_slot=None)

    work = by_segment._Advance(stale, clock=at(soon()), until=soon() + HOUR)

    assert work.work() == 0
    assert entered(run) == 8


def test_a_cancelled_run_enrolls_no_more(workspace: Workspace) -> None:
    tagged(workspace, 8)
    now = soon()
    run = begin(workspace, now=now, spread=8 * HOUR)
    by_segment.advance_due(clock=at(now))
    by_segment.advance_due(clock=at(now + 3 * HOUR))

    is_cancelled = by_segment.cancel(run=run, now=now + 3 * HOUR)
    by_segment.advance_due(clock=at(now + 9 * HOUR))

    assert is_cancelled
    assert not by_segment.cancel(run=run, now=now + 9 * HOUR)
    assert run.status == Status.CANCELLED
    assert entered(run) == run.enrolled_count == 3


def test_a_run_is_spread_evenly(workspace: Workspace) -> None:
    tagged(workspace, 8)
    now = soon()
    run = begin(workspace, now=now, spread=4 * HOUR)

    seen = []
    for hours in (0, 1, 2, 2, 4):
        by_segment.advance_due(clock=at(now + hours * HOUR))
        seen.append(entered(run))

    run.refresh_from_db()
    assert seen == [0, 2, 4, 4, 8]
    assert run.estimated_count == 8
    assert run.status == Status.COMPLETED


def test_a_run_begins_at_its_time(workspace: Workspace) -> None:
    tagged(workspace, 2)
    now = soon()
    run = begin(workspace, now=now, scheduled_for=now + HOUR)

    early = by_segment.advance_due(clock=at(now + HOUR / 2))
    late = by_segment.advance_due(clock=at(now + HOUR))

    run.refresh_from_db()
    assert (early, late) == (0, 2)
    assert run.started_at == now + HOUR


def test_who_leaves_the_segment_or_comes_later_does_not_enter(workspace: Workspace) -> None:
    people = tagged(workspace, 8)
    now = soon()
    run = begin(workspace, now=now, spread=4 * HOUR)
    by_segment.advance_due(clock=at(now))
    by_segment.advance_due(clock=at(now + HOUR))
    SubscriberTag.objects.filter(subscriber=people[-1]).delete()
    late = factories.SubscriberFactory.create(workspace=workspace, pk="ff" * 16)
    factories.SubscriberTagFactory.create(subscriber=late, tag=workspace.tags.get(name="vip"))

    by_segment.advance_due(clock=at(now + 5 * HOUR))

    run.refresh_from_db()
    assert entered(run) == run.enrolled_count == 7
    assert run.status == Status.COMPLETED


def test_a_run_waits_while_the_sequence_lets_nobody_in(workspace: Workspace) -> None:
    tagged(workspace, 2)
    run = begin(workspace)
    sequences.pause(sequence=run.sequence, now=NOON)

    by_segment.advance_due(clock=at(soon()))
    run.refresh_from_db()
    waits = (run.status, run.error, entered(run))
    sequences.activate(sequence=run.sequence, now=NOON)
    by_segment.advance_due(clock=at(soon()))

    run.refresh_from_db()
    assert waits == (
        Status.RUNNING, "The sequence is paused: only an active one lets people in.", 0,
    )  # fmt: skip
    assert (run.status, run.error, entered(run)) == (Status.COMPLETED, "", 2)


def test_one_at_a_time_for_a_sequence(workspace: Workspace) -> None:
    run = begin(workspace)
    segment = run.segment
    assert segment is not None

    with pytest.raises(AlreadyRunning):
        by_segment.start(segment=segment, sequence=run.sequence, now=soon())
    by_segment.advance_due(clock=at(soon()))

    by_segment.start(segment=segment, sequence=run.sequence, now=soon())
    assert AudienceEnrollment.objects.count() == 2


def test_only_an_active_sequence_of_the_workspace_is_entered(workspace: Workspace) -> None:
    segment = make_segment(workspace, ACTIVE)
    stranger = make_sequence(factories.WorkspaceFactory.create(), MAIL)

    with pytest.raises(NotActive):
        by_segment.start(
            segment=segment, sequence=make_sequence(workspace, is_active=False), now=soon()
        )
    with pytest.raises(OtherWorkspace):
        by_segment.start(segment=segment, sequence=stranger, now=soon())


def test_a_segment_that_cannot_be_asked_fails_the_run(workspace: Workspace) -> None:
    run = begin(workspace)
    assert run.segment is not None
    run.segment.root = {"children": "nothing"}
    run.segment.save()

    by_segment.advance_due(clock=at(soon()))

    run.refresh_from_db()
    assert run.status == Status.FAILED
    assert "cannot be asked" in run.error
