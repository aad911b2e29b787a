"""What hosts report, and what that says about their health."""

from datetime import UTC, datetime, timedelta

import pytest

from events.models import Worker
from events.services import worker_reports
from events.services.worker_reports import Host
from subscribers.ids import new_id
from tests import factories

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
HOST = Host(id=new_id(), name="host", process_id=7, processes=2, restarts=1)


def ago(seconds: float) -> datetime:
    return NOON - timedelta(seconds=seconds)


def test_the_first_report_makes_the_row_and_further_ones_keep_the_rest() -> None:
    worker_reports.report(host=HOST, now=NOON)
    worker_reports.finished(worker_id=HOST.id, tasks=3, now=NOON)
    worker_reports.finished(worker_id=HOST.id, tasks=4, now=NOON)
    worker_reports.beat(worker_id=HOST.id, now=NOON)

    worker_reports.report(host=HOST, now=NOON + timedelta(seconds=5))

    row = Worker.objects.get()
    assert (row.host, row.process_id, row.processes, row.restarts) == ("host", 7, 2, 1)
    assert (row.started_at, row.ticked_at) == (NOON, NOON + timedelta(seconds=5))
    assert (row.tasks_finished, row.finished_at, row.beat_at) == (7, NOON, NOON)


def test_a_host_that_reports_again_has_not_stopped() -> None:
    worker_reports.report(host=HOST, now=NOON)
    worker_reports.stopped(worker_id=HOST.id, now=NOON)

    worker_reports.report(host=HOST, now=NOON)

    assert Worker.objects.get().stopped_at is None


def test_restarts_only_rise() -> None:
    worker_reports.report(host=HOST, now=NOON)

    worker_reports.restarted(worker_id=HOST.id, restarts=3)
    worker_reports.restarted(worker_id=HOST.id, restarts=2)

    assert Worker.objects.get().restarts == 3


def test_live_hosts_ticked_lately_and_have_not_stopped() -> None:
    elder = factories.WorkerFactory.create(ticked_at=ago(29), processes=3, beat_at=None)
    younger = factories.WorkerFactory.create(ticked_at=NOON)
    factories.WorkerFactory.create(ticked_at=ago(31))
    factories.WorkerFactory.create(ticked_at=ago(-31))
    factories.WorkerFactory.create(stopped_at=NOON)

    live = worker_reports.live_hosts(now=NOON)

    assert [each.id for each in live] == [elder.pk, younger.pk]
    assert (live[0].processes, live[0].beat_at) == (3, None)


@pytest.mark.parametrize(
    ("hosts", "live", "problem"),
    [
        ([], 0, "No worker runs."),
        ([{"stopped_at": NOON}], 0, "No worker runs."),
        ([{"ticked_at": ago(45)}], 0, "No worker has reported for 45 s."),
        # The clock was set back; another worker ticks by the right one.
        ([{"ticked_at": ago(-31)}], 0, "A worker's last report is 31 s ahead of this clock."),
        ([{"ticked_at": ago(-9000), "beat_at": ago(-9000)}, {}], 1, ""),
        (
            [{"beat_at": ago(-31)}],
            0,
            "A worker reports, but no task has come through the queue yet.",
        ),
        (
            [{"beat_at": None}],
            0,
            "A worker reports, but no task has come through the queue yet.",
        ),
        (
            [{"beat_at": ago(40)}],
            0,
            "A worker reports, but no task has come through the queue for 40 s.",
        ),
        ([{}], 1, ""),
        ([{}, {}, {"beat_at": ago(40)}], 2, ""),
        # One ticks but finishes nothing; the other's heartbeat is recent, but its tick is old.
        (
            [{"beat_at": ago(40)}, {"ticked_at": ago(50), "beat_at": ago(10)}],
            0,
            "A worker reports, but no task has come through the queue for 40 s.",
        ),
    ],
)
def test_health_says_why_nobody_works(
    hosts: list[dict[str, datetime | None]], live: int, problem: str
) -> None:
    for host in hosts:
        factories.WorkerFactory.create(**host)

    health = worker_reports.health(now=NOON)

    assert (health.live, health.problem) == (live, problem)


def test_health_tells_the_youngest_ages_and_none_below_zero() -> None:
    factories.WorkerFactory.create(ticked_at=ago(20), beat_at=ago(25))
    factories.WorkerFactory.create(ticked_at=ago(-1), beat_at=ago(3))

    health = worker_reports.health(now=NOON)

    assert (health.tick_age, health.beat_age) == (0, 3)


def test_hosts_that_were_heard_long_ago_are_forgotten() -> None:
    kept = factories.WorkerFactory.create(ticked_at=ago(5), stopped_at=ago(5))
    factories.WorkerFactory.create(ticked_at=ago(11))
    factories.WorkerFactory.create(ticked_at=None, started_at=ago(11))

    assert worker_reports.forget_silent(before=ago(10)) == 2
    assert Worker.objects.get() == kept
