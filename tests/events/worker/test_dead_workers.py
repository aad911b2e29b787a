"""What a dead worker held is given back at once, and nothing that a living one holds."""

import fcntl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from django.conf import settings
from django_q.models import OrmQ

from config import process_locks
from events import enqueue
from events.enqueue import TaskCall
from events.models import Enrollment
from events.services.engine import claiming
from events.worker import dead_workers, rounds
from events.worker.broker import QueueBroker
from subscribers.ids import new_id
from subscribers.models import OutgoingEmail, Workspace
from tests import factories
from tests.support.engine_running import enrollment_of
from tests.support.sequence_making import NOON, make_sequence

pytestmark = pytest.mark.django_db
Status = OutgoingEmail.Status
OWN, DEAD = new_id(), new_id()
MAIL = {"type": "email", "subject": "Hi", "html": "<p>Hi {{unsubscribeUrl}}</p>"}


@pytest.fixture
def dead_lock(settings_folder: Path) -> Path:
    with process_locks.held(folder=settings_folder, kind=process_locks.WORKER, owner=DEAD):
        path = settings_folder / f"worker-{DEAD.hex}.lock"
        kept = path.with_suffix(".kept")
        kept.hardlink_to(path)
    return kept.rename(path)


@pytest.fixture
def settings_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(settings, "DATA_DIR", tmp_path)
    return tmp_path


def take(worker_id: UUID) -> None:
    """Queue what is due as the ticker does, and take one task as a pool's process does."""
    rounds.queue_due(now=NOON, processes=2)
    assert QueueBroker(worker_id=worker_id).take() is not None


@pytest.fixture
def claimed(workspace: Workspace, settings_folder: Path) -> Enrollment:
    """An enrollment at a mail, in a task that the dead worker took."""
    enrollment = enrollment_of(make_sequence(workspace, MAIL))
    take(DEAD)
    enrollment.refresh_from_db()
    assert enrollment.lease_token
    return enrollment


def test_a_dead_workers_enrollments_are_due_at_once(claimed: Enrollment, dead_lock: Path) -> None:
    host = factories.WorkerFactory.create(id=DEAD)
    enqueue.put_probe(worker_id=DEAD)

    dead_workers.recover(worker_id=OWN)

    claimed.refresh_from_db()
    assert (claimed.lease_token, claimed.last_error) == (None, claiming.WORKER_ENDED)
    assert not OrmQ.objects.exists()
    host.refresh_from_db()
    assert host.stopped_at
    assert not dead_lock.exists()


def test_another_hosts_claims_are_left_to_their_lease(claimed: Enrollment) -> None:
    dead_workers.recover(worker_id=OWN)

    before = claimed.lease_token
    claimed.refresh_from_db()
    assert claimed.lease_token == before
    assert OrmQ.objects.count() == 1


def test_a_living_neighbours_claims_are_left_alone(claimed: Enrollment, dead_lock: Path) -> None:
    with dead_lock.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        dead_workers.recover(worker_id=OWN)

    claimed.refresh_from_db()
    assert claimed.lease_token
    assert dead_lock.exists()


def test_tasks_that_nobody_took_keep_their_claims(workspace: Workspace, dead_lock: Path) -> None:
    enrollment = enrollment_of(make_sequence(workspace, MAIL))
    rounds.queue_due(now=NOON, processes=2)

    dead_workers.recover(worker_id=OWN)

    enrollment.refresh_from_db()
    assert enrollment.lease_token
    assert OrmQ.objects.get().lock is None


def test_a_pool_that_is_started_again_gives_back_what_the_last_one_held(
    workspace: Workspace, settings_folder: Path
) -> None:
    enrollment = enrollment_of(make_sequence(workspace, MAIL))
    take(OWN)

    dead_workers.recover(worker_id=OWN)

    enrollment.refresh_from_db()
    assert enrollment.lease_token is None


def test_only_a_mail_in_flight_becomes_unknown(claimed: Enrollment, dead_lock: Path) -> None:
    in_flight = factories.OutgoingEmailFactory.create(
        workspace=claimed.workspace,
        subscriber=claimed.subscriber,
        cause=claimed.mail_cause,
        status=Status.SENDING,
        lease_expires_at=datetime.now(tz=UTC) + timedelta(seconds=90),
    )
    # A living host sends it, of another enrollment.
    other = factories.OutgoingEmailFactory.create(
        workspace=claimed.workspace,
        cause=f"step:{uuid4().hex}:{uuid4().hex}:1",
        status=Status.SENDING,
        lease_expires_at=datetime.now(tz=UTC) + timedelta(seconds=90),
    )

    dead_workers.recover(worker_id=OWN)

    in_flight.refresh_from_db()
    other.refresh_from_db()
    assert (in_flight.status, other.status) == (Status.UNKNOWN, Status.SENDING)


@pytest.mark.parametrize("is_sending", [True, False])
def test_a_confirmation_is_sent_again_at_once(
    workspace: Workspace, dead_lock: Path, is_sending: bool
) -> None:
    email = factories.OutgoingEmailFactory.create(
        workspace=workspace,
        kind=OutgoingEmail.Kind.CONFIRMATION,
        status=Status.QUEUED,
        due_at=NOON,
    )
    take(DEAD)
    if is_sending:
        OutgoingEmail.objects.update(status=Status.SENDING, attempts=1)

    dead_workers.recover(worker_id=OWN)

    email.refresh_from_db()
    assert (email.status, email.lease_token, email.lease_expires_at) == (Status.QUEUED, None, None)
    assert email.due_at


def test_a_job_of_a_dead_worker_blocks_nothing(dead_lock: Path) -> None:
    enqueue.put_jobs(calls=[TaskCall("events.tasks.roll_up", (10,))], now=NOON)
    assert QueueBroker(worker_id=DEAD).take() is not None

    dead_workers.recover(worker_id=OWN)

    assert not OrmQ.objects.exists()


def test_a_task_taken_again_belongs_to_who_took_it_last(
    claimed: Enrollment, dead_lock: Path
) -> None:
    OrmQ.objects.update(lock=datetime.now(tz=UTC) - timedelta(seconds=1))
    assert QueueBroker(worker_id=new_id()).take() is not None

    dead_workers.recover(worker_id=OWN)

    claimed.refresh_from_db()
    assert claimed.lease_token
    assert OrmQ.objects.count() == 1


def test_a_task_of_another_key_stops_nobody(dead_lock: Path) -> None:
    OrmQ.objects.create(key="cueline:1", payload=f"not ours@{DEAD.hex}", lock=NOON)

    dead_workers.recover(worker_id=OWN)

    assert OrmQ.objects.count() == 1
