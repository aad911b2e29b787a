"""A ticker queues due work, reports, sends probes, and goes on after failures."""

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.db import DatabaseError, connection
from django_q.models import OrmQ, Schedule
from pytest_django.fixtures import Settings

from config.mail_env import Mailbox
from events import enqueue, tasks
from events.enqueue import TaskCall
from events.models import Enrollment, Worker
from events.services.worker_reports import Host
from events.worker import heartbeat, ticker
from events.worker.jobs import Job, Timetable
from events.worker.ticker import Ticker
from subscribers.ids import new_id
from subscribers.models import Installation
from subscribers.services.workspaces import installation
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)
JOB = Job(TaskCall("events.tasks.purge_results"), seconds=60, first_after=0)


@pytest.fixture
def clockwork(monkeypatch: pytest.MonkeyPatch) -> "Clockwork":
    """A ticker whose rounds follow each other at once."""
    monkeypatch.setattr(ticker, "SECONDS_BETWEEN_ROUNDS", 0)
    monkeypatch.setattr(ticker, "SECONDS_BETWEEN_REPORTS", 0)
    return Clockwork()


class Clockwork:
    """A ticker and the heartbeats that the supervisor reads."""

    def __init__(self) -> None:
        self.reader = heartbeat.HeartbeatReader.open()
        self.host = Host(id=new_id(), name="here", process_id=1, processes=2, restarts=0)
        self.ticker = Ticker(
            host=self.host,
            pipe=heartbeat.Heartbeat(self.reader.child_descriptor),
            timetable=Timetable(jobs=(JOB,)),
        )

    def probes(self) -> int:
        """Count this host's waiting probes."""
        count: int = OrmQ.objects.filter(key=enqueue.key_of_probes(self.host.id)).count()
        return count

    def carry_out_probe(self) -> None:
        """Do what the pool does with a probe."""
        (row,) = OrmQ.objects.filter(key=enqueue.key_of_probes(self.host.id))
        tasks.beat(*row.task["args"])
        row.delete()


def test_a_round_queues_what_is_due(clockwork: Clockwork) -> None:
    run = factories.EnrollmentFactory.create(due_at=datetime.now(tz=UTC))

    clockwork.ticker.tick()

    run.refresh_from_db()
    assert run.lease_token is not None
    assert OrmQ.objects.filter(key="cueline:3").count() == 1


def test_a_tick_reports_the_host_and_tells_the_supervisor(clockwork: Clockwork) -> None:
    clockwork.ticker.tick()

    host = Worker.objects.get(pk=clockwork.host.id)
    assert (host.host, host.process_id, host.processes) == ("here", 1, 2)
    assert host.ticked_at is not None
    assert clockwork.reader.read() == heartbeat.WELL


def test_a_probe_is_sent_again_when_the_last_was_carried_out(clockwork: Clockwork) -> None:
    clockwork.ticker.tick()
    clockwork.carry_out_probe()

    clockwork.ticker.tick()

    assert clockwork.probes() == 1
    assert Worker.objects.get().beat_at is not None


def test_an_overdue_probe_is_reported_and_queued_again(
    clockwork: Clockwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    clockwork.ticker.tick()
    # The process that took it died.
    OrmQ.objects.update(lock=datetime.now(tz=UTC) + timedelta(minutes=1))
    clockwork.ticker.tick()
    assert clockwork.reader.read() == heartbeat.WELL

    monkeypatch.setattr(ticker, "SECONDS_UNTIL_OVERDUE", -1)
    clockwork.ticker.tick()

    assert clockwork.reader.read() == heartbeat.OVERDUE
    key = enqueue.key_of_probes(clockwork.host.id)
    assert [row.lock for row in OrmQ.objects.filter(key=key)] == [None]


def test_a_probe_counts_as_done_even_when_the_clock_jumped_back(clockwork: Clockwork) -> None:
    clockwork.ticker.tick()
    OrmQ.objects.all().delete()
    Worker.objects.update(beat_at=datetime.now(tz=UTC) - timedelta(days=1))

    clockwork.ticker.tick()

    assert clockwork.probes() == 1


def test_the_oldest_live_host_alone_queues_jobs(clockwork: Clockwork) -> None:
    elder = factories.WorkerFactory.create(id="00" * 16, ticked_at=datetime.now(tz=UTC))
    jobs = OrmQ.objects.filter(key__endswith=":jobs")

    clockwork.ticker.tick()
    while_elder_lives = jobs.count()
    Worker.objects.filter(pk=elder.pk).update(ticked_at=datetime.now(tz=UTC) - timedelta(minutes=1))
    clockwork.ticker.tick()

    assert while_elder_lives == 0
    assert [row.task["func"] for row in jobs] == [JOB.call.task]


def test_a_bounce_mailbox_that_hangs_holds_no_round(
    clockwork: Clockwork, settings: Settings
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        settings.BOUNCE_MAILBOX = Mailbox(
            host="127.0.0.1", port=port, user="u", password="p", folder="INBOX", is_tls=False
        )
        Installation.objects.create(
            secret_key_fingerprint="0" * 64, on_hold_since=datetime.now(tz=UTC)
        )
        clockwork.ticker.tick()
        while_held = clockwork.ticker.mailbox.is_running
        installation.resume()

        clockwork.ticker.tick()
        caller, _ = silent.accept()
        clockwork.ticker.tick()

        assert (while_held, clockwork.ticker.mailbox.is_running) == (False, True)
        assert OrmQ.objects.filter(key__endswith=":jobs").count() == 1
        caller.close()
        clockwork.ticker.mailbox.join()


def test_no_job_is_queued_while_the_installation_is_on_hold(clockwork: Clockwork) -> None:
    now = datetime.now(tz=UTC)
    Installation.objects.create(secret_key_fingerprint="0" * 64, on_hold_since=now)
    jobs = OrmQ.objects.filter(key__endswith=":jobs")

    clockwork.ticker.tick()
    while_held = jobs.count()
    installation.resume()
    clockwork.ticker.tick()

    assert (while_held, jobs.count()) == (0, 1)


def test_processes_of_other_live_hosts_make_room_for_more(clockwork: Clockwork) -> None:
    factories.WorkerFactory.create(processes=3, ticked_at=datetime.now(tz=UTC))
    step = factories.StepFactory.create()
    # Runs that failed before are claimed alone: each is a batch.
    for _ in range(12):
        factories.EnrollmentFactory.create(
            version=step.version, step=step, attempts=1, due_at=datetime.now(tz=UTC)
        )

    threading.Timer(0.3, clockwork.ticker._on_signal, (signal.SIGTERM, None)).start()
    clockwork.ticker.tick()

    assert Enrollment.objects.filter(lease_token__isnull=False).count() == 2 * (2 + 3)


def test_the_whole_life_of_a_ticker(clockwork: Clockwork) -> None:
    Schedule.objects.create(name="old", func="events.tasks.purge_results")

    stop_soon(lambda: Worker.objects.filter(ticked_at__isnull=False).exists())
    clockwork.ticker.run()

    host = Worker.objects.get()
    assert host.stopped_at is not None
    assert clockwork.probes() == 0
    assert not Schedule.objects.exists()


def test_a_database_that_fails_is_survived(
    clockwork: Clockwork, caplog: pytest.LogCaptureFixture
) -> None:
    left = [3]

    def refuse(execute: object, *statement: object) -> object:
        if left[0]:
            left[0] -= 1
            raise DatabaseError("gone")
        return execute(*statement)  # type: ignore[operator]

    stop_soon(lambda: Worker.objects.filter(ticked_at__isnull=False).exists())
    with connection.execute_wrapper(refuse):
        clockwork.ticker.run()

    assert "The database failed: gone" in caplog.text
    assert Worker.objects.get().ticked_at is not None


def test_a_ticker_without_a_supervisor_ends(clockwork: Clockwork) -> None:
    clockwork.reader.close()

    clockwork.ticker.run()

    assert Worker.objects.get().stopped_at is not None


def stop_soon(is_reached: Callable[[], bool]) -> None:
    """Send this process SIGTERM, as a supervisor does, once something is so."""

    def wait() -> None:
        try:
            for _ in range(200):
                if is_reached():
                    break
                threading.Event().wait(0.05)
            os.kill(os.getpid(), signal.SIGTERM)
        finally:
            connection.close()

    threading.Thread(target=wait).start()


@pytest.fixture(autouse=True)
def signals_as_before() -> Iterator[None]:
    """Give the test run its own signals back."""
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, action in kept.items():
        signal.signal(number, action)
