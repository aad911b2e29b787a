"""The database goes away between the server's 250 and the record: no mail is lost or sent twice."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection
from django.db.models.functions import Now
from psycopg import sql
from pytest_django.fixtures import Settings

from events.models import Enrollment, StepRun
from events.services import engine
from events.services.engine import claiming
from events.services.engine.claiming import ClaimedBatch
from subscribers.models import OutgoingEmail, Workspace
from subscribers.services.dispatch import queue as outbox_queue
from subscribers.services.workspaces import workspaces
from tests import factories
from tests.support import smtp_server
from tests.support.beside import beside
from tests.support.cutting_proxy import cutting
from tests.support.engine_running import begin
from tests.support.sequence_making import MAIL, NOON, make_sequence
from tests.support.smtp_server import SmtpServer, Stage
from tests.support.time_travel import TimeTravel

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]
PEOPLE = 3


@pytest.fixture
def server(settings: Settings) -> Iterator[SmtpServer]:
    with smtp_server.receiving(settings) as server:
        yield server


@pytest.fixture
def batch(db: None) -> ClaimedBatch:
    sequence = make_sequence(workspaces.create(name="Acme"), MAIL)
    for number in range(PEOPLE):
        email = f"person{number}@example.com"
        begin(
            sequence, factories.SubscriberFactory.create(workspace=sequence.workspace, email=email)
        )
    (batch,) = claiming.claim_due(now=NOON, most_batches=1)
    return batch


def advance(batch: ClaimedBatch) -> None:
    engine.advance(token=batch.token, ids=batch.ids, clock=TimeTravel(NOON).clock)


def server_parameters() -> dict[str, Any]:
    parameters = connection.get_connection_params()
    return {key: parameters[key] for key in ("user", "host", "port")} | {"dbname": "postgres"}


@contextmanager
def nobody_lets_in(dbname: str) -> Iterator[None]:
    """End all connections to a database but ours, and refuse new ones while the block runs."""
    allow = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
    name = sql.Identifier(dbname)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (own,) = cursor.fetchone()
    with psycopg.connect(**server_parameters(), autocommit=True) as operator:
        operator.execute(allow.format(name, sql.SQL("false")))
        try:
            operator.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE datname = %s AND pid <> %s",
                [dbname, own],
            )
            yield
        finally:
            operator.execute(allow.format(name, sql.SQL("true")))


def assert_each_got_one(server: SmtpServer) -> None:
    assert sorted(server.recipients) == [f"person{number}@example.com" for number in range(PEOPLE)]
    assert set(server.count.values()) == {1}
    assert [row.status for row in OutgoingEmail.objects.all()] == ["sent"] * PEOPLE
    assert [row.status for row in Enrollment.objects.all()] == ["completed"] * PEOPLE
    assert [row.outcome for row in StepRun.objects.all()] == [{"email": "sent"}] * PEOPLE


def test_a_mail_is_recorded_once_the_database_is_back(
    server: SmtpServer, batch: ClaimedBatch
) -> None:
    hold = server.hold(Stage.MESSAGE)
    dbname = connection.settings_dict["NAME"]

    with beside(lambda: advance(batch)):
        hold.wait_until_reached()
        with nobody_lets_in(dbname):
            hold.release()
            time.sleep(1.2)
            recipients_while_away = list(server.recipients)

    assert recipients_while_away == ["person0@example.com"]
    assert_each_got_one(server)


def test_a_mail_that_no_enrollment_waits_for_is_recorded_too(
    server: SmtpServer, workspace: Workspace
) -> None:
    person = factories.SubscriberFactory.create(workspace=workspace)
    email = factories.OutgoingEmailFactory.create(
        subscriber=person, kind=OutgoingEmail.Kind.TRANSACTIONAL, due_at=NOON
    )
    claimed = outbox_queue.claim_queued(now=NOON)
    assert claimed is not None
    hold = server.hold(Stage.MESSAGE)
    clock = TimeTravel(NOON).clock
    dbname = connection.settings_dict["NAME"]

    with beside(
        lambda: outbox_queue.send_queued(token=claimed.token, ids=claimed.ids, clock=clock)
    ):
        hold.wait_until_reached()
        with nobody_lets_in(dbname):
            hold.release()
            time.sleep(0.7)

    email.refresh_from_db()
    assert (email.status, email.sent_at, email.due_at) == ("sent", NOON, None)
    assert len(server.taken) == 1


@pytest.mark.parametrize("is_committed", [True, False])
@pytest.mark.parametrize("commits_before", range(PEOPLE + 2))
def test_a_commit_whose_answer_is_lost_loses_and_repeats_no_mail(
    server: SmtpServer, batch: ClaimedBatch, commits_before: int, is_committed: bool
) -> None:
    host, port = connection.settings_dict["HOST"], int(connection.settings_dict["PORT"])

    with cutting(host, port, b"COMMIT") as proxy:

        def advance_through_the_proxy() -> None:
            through = {"HOST": "127.0.0.1", "PORT": str(proxy.port)}
            connection.settings_dict = {**connection.settings_dict, **through}
            proxy.arm(to_pass=commits_before, waits_for_answer=is_committed)
            # Before the first mail nothing is lost by leaving it to the next claim.
            with suppress(OperationalError) if commits_before == 0 else nullcontext():
                advance(batch)

        with beside(advance_through_the_proxy):
            pass
        cuts = proxy.cuts

    assert cuts == 1
    Enrollment.objects.filter(lease_token__isnull=False).update(
        lease_expires_at=Now() - timedelta(seconds=1)
    )
    claiming.return_expired()
    TimeTravel(NOON).run_for(timedelta(minutes=1))
    assert_each_got_one(server)
