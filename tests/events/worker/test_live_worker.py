"""`manage.py worker` with real processes: whatever is killed, it goes on, and nobody is left."""

from pathlib import Path

import pytest

from tests.support.working import StartWorker, Working, is_running, kill

pytestmark = pytest.mark.live


@pytest.fixture
def working(start_worker: StartWorker) -> Working:
    """A worker that has carried out its first task."""
    begun = start_worker()
    begun.wait_for_beat()
    return begun


def test_whatever_is_killed_below_the_supervisor_comes_back(working: Working) -> None:
    (one, other), pool, ticker = working.pool_processes(), *working.parts()

    kill(one)
    working.wait_until(lambda: len(set(working.pool_processes()) - {one}) == 2)
    kill(*working.pool_processes())
    working.wait_until(lambda: len(set(working.pool_processes()) - {one, other}) == 2)
    working.wait_for_beat()
    # The processes of the pool are replaced by the pool itself.
    assert working.parts() == (pool, ticker)

    orphans = working.pool_processes()
    kill(pool, ticker)
    working.wait_until(lambda: 0 not in working.parts() and len(working.everybody()) == 5)
    working.wait_for_beat()

    assert not any(is_running(each) for each in [pool, ticker, *orphans])
    assert working.value("SELECT count(*) FROM events_worker") == 1
    assert working.value("SELECT restarts FROM events_worker") == 2


def test_a_process_killed_in_its_task_harms_no_other(working: Working) -> None:
    working.put("time.sleep", 20)
    taken = "SELECT count(*) FROM django_q_ormq WHERE key = 'cueline:3' AND lock IS NOT NULL"
    working.wait_until(lambda: working.value(taken) == 1)

    kill(*working.pool_processes())
    working.put("time.time")

    # What the killed one was at is offered again much later; the next task does not wait for it.
    waiting = "SELECT count(*) FROM django_q_ormq WHERE key = 'cueline:3' AND lock IS NULL"
    working.wait_until(lambda: working.value(waiting) == 0)
    assert working.value(taken) == 1


def test_a_killed_supervisor_takes_everybody_along(
    working: Working, start_worker: StartWorker
) -> None:
    working.put("time.sleep", 20)
    everybody = working.everybody()
    assert len(everybody) == 5

    kill(working.process.pid)
    working.process.wait()
    working.wait_until(lambda: not any(is_running(each) for each in everybody))

    start_worker().wait_for_beat()


@pytest.mark.postgresql
def test_two_hosts_share_the_work_and_probe_on_their_own(
    working: Working, start_worker: StartWorker
) -> None:
    start_worker()
    working.wait_until(lambda: working.value("SELECT count(beat_at) FROM events_worker") == 2)
    before = working.value("SELECT sum(tasks_finished) FROM events_worker")

    working.put("time.sleep", 0.5, times=16)

    working.wait_until(
        lambda: working.value("SELECT sum(tasks_finished) FROM events_worker") >= before + 16
    )
    assert working.value("SELECT min(tasks_finished) FROM events_worker") >= 4
    assert working.value("SELECT count(*) FROM django_q_task") == 0


def test_sigterm_lets_tasks_finish_and_ends_all(working: Working) -> None:
    working.put("time.sleep", 3, times=2)
    working.wait_until(
        lambda: working.value("SELECT count(*) FROM django_q_ormq WHERE lock IS NOT NULL") == 2
    )
    everybody = working.everybody()

    code = working.stop()

    assert code == 0
    assert not any(is_running(each) for each in everybody)
    assert working.value("SELECT count(*) FROM django_q_ormq") == 0
    assert working.value("SELECT count(*) FROM events_worker WHERE stopped_at IS NOT NULL") == 1


def test_a_task_that_does_not_end_is_killed_with_its_group(
    environment: dict[str, str], start_worker: StartWorker
) -> None:
    environment["DJANGO_SETTINGS_MODULE"] = "tests.support.impatient"
    working = start_worker()
    working.wait_for_beat()
    working.put("time.sleep", 50)
    working.wait_until(
        lambda: working.value("SELECT count(*) FROM django_q_ormq WHERE lock IS NOT NULL") == 1
    )
    everybody = working.everybody()

    code = working.stop()

    assert code == 0
    assert not any(is_running(each) for each in everybody)


def test_another_secret_key_is_refused_until_it_is_accepted(
    environment: dict[str, str], start_worker: StartWorker
) -> None:
    first = start_worker()
    first.wait_for_beat()
    assert first.stop() == 0
    environment["SECRET_KEY"] = "another key of an installation, which is long enough"

    refused = start_worker()
    code = refused.process.wait(timeout=30)
    accepted = refused.manage("worker", "--accept-new-secret-key")
    again = start_worker()
    again.wait_for_beat()

    assert code == 3
    said = refused.log.read_text()
    assert "SECRET_KEY is not the one that this installation began with" in said
    assert "Traceback" not in said
    assert accepted.returncode == 0
    assert accepted.stdout.startswith("The new SECRET_KEY is stored; ")


def test_a_worker_waits_for_the_migrations(environment: dict[str, str], tmp_path: Path) -> None:
    early = Working(environment, tmp_path / "early")
    try:
        early.wait_until(lambda: "migrations are not applied" in early.log.read_text())
        assert early.pool_processes() == []

        assert early.manage("migrate", "--verbosity", "0").returncode == 0

        early.wait_for_beat()
    finally:
        early.process.kill()
        early.process.wait()
