"""The fence and suppressed addresses: what does not leave, and what a refused recipient ends."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

from events.models import Enrollment, StepRun
from subscribers.models import OutgoingEmail, Subscriber, Suppression, Workspace
from subscribers.services.consent import suppressions
from subscribers.services.consent.suppressions import SuppressionSource
from tests import factories
from tests.support import smtp_server
from tests.support.engine_running import begin, outcomes
from tests.support.sequence_making import MAIL, NOON, make_sequence
from tests.support.smtp_server import SmtpServer, Stage
from tests.support.time_travel import TimeTravel

pytestmark = pytest.mark.django_db
Status = Enrollment.Status
RECEIPT = {"type": "email", "subject": "Receipt", "text": ".", "isTransactional": True}


@pytest.fixture
def server(settings: Settings) -> Iterator[SmtpServer]:
    with smtp_server.receiving(settings) as server:
        yield server


@pytest.fixture
def person(workspace: Workspace) -> Subscriber:
    return factories.SubscriberFactory.create(workspace=workspace, email="ada@example.com")


def suppress_erased(workspace: Workspace, address: str) -> None:
    """Suppress an address that no subscriber has yet, such as one of an erased person."""
    suppressions.suppress(
        workspace=workspace,
        address=address,
        reason=Suppression.Reason.HARD_BOUNCE,
        source=SuppressionSource.SMTP,
        now=NOON,
    )


@pytest.mark.parametrize("step", [MAIL, RECEIPT])
def test_a_person_who_comes_with_a_suppressed_address_gets_no_mail_and_goes_on(
    workspace: Workspace, server: SmtpServer, step: dict[str, Any]
) -> None:
    suppress_erased(workspace, "ada@example.com")
    person = factories.SubscriberFactory.create(workspace=workspace, email="Ada@example.com")
    enrollment = begin(make_sequence(workspace, step), person)

    TimeTravel(NOON).run_for(timedelta(hours=1))

    enrollment.refresh_from_db()
    assert server.taken == []
    assert enrollment.status == Status.COMPLETED
    assert outcomes(enrollment) == [{"reason": "suppressed"}]


def test_a_mail_that_was_queued_for_an_address_suppressed_since_is_skipped(
    person: Subscriber, server: SmtpServer
) -> None:
    enrollment = begin(make_sequence(person.workspace, MAIL), person)
    row = factories.OutgoingEmailFactory.create(
        subscriber=person, cause=enrollment.mail_cause, recipient="old@example.com"
    )
    suppress_erased(person.workspace, "old@example.com")

    TimeTravel(NOON).tick()

    row.refresh_from_db()
    assert server.taken == []
    assert (row.status, row.reason) == ("skipped", "suppressed")


def test_another_workspace_s_suppression_keeps_nothing_back(
    person: Subscriber, server: SmtpServer
) -> None:
    suppress_erased(factories.WorkspaceFactory.create(), "ada@example.com")
    begin(make_sequence(person.workspace, MAIL), person)

    TimeTravel(NOON).tick()

    assert server.recipients == ["ada@example.com"]


def test_a_recipient_who_is_none_ends_all_enrollments_of_the_person_and_nobody_else_s(
    person: Subscriber, server: SmtpServer
) -> None:
    other = factories.SubscriberFactory.create(workspace=person.workspace, email="bo@example.com")
    refused = begin(make_sequence(person.workspace, MAIL), person)
    second = begin(make_sequence(person.workspace, MAIL), person)
    receipt = begin(make_sequence(person.workspace, RECEIPT), person, due_at=NOON + timedelta(1))
    healthy = begin(make_sequence(person.workspace, MAIL), other)
    server.next(Stage.RCPT, "550 5.1.1 No such user")

    TimeTravel(NOON).run_for(timedelta(days=2))

    for enrollment in (refused, second, receipt):
        enrollment.refresh_from_db()
        assert (enrollment.status, enrollment.reason) == (Status.STOPPED, "suppressed")
        assert (enrollment.due_at, enrollment.lease_token, enrollment.entry_slot) == (
            None,
            None,
            None,
        )
    healthy.refresh_from_db()
    person.refresh_from_db()
    email = OutgoingEmail.objects.get(subscriber=person)
    assert server.recipients == ["bo@example.com"]
    assert healthy.status == Status.COMPLETED
    assert person.status == "bounced"
    assert (email.status, email.last_error) == ("failed", "550 5.1.1 No such user")
    assert Suppression.objects.get().details == "550 5.1.1 No such user"
    (step_run,) = StepRun.objects.filter(enrollment__subscriber=person)
    assert (step_run.status, step_run.error) == ("failed", "550 5.1.1 No such user")


def test_an_address_that_the_mail_before_found_to_be_none_is_left_alone_at_once(
    person: Subscriber, server: SmtpServer
) -> None:
    first = begin(make_sequence(person.workspace, MAIL), person)
    factories.OutgoingEmailFactory.create(
        subscriber=person, cause=first.mail_cause, recipient="taken@example.com"
    )
    heir = factories.SubscriberFactory.create(workspace=person.workspace, email="taken@example.com")
    second = begin(make_sequence(person.workspace, MAIL), heir)
    server.next(Stage.RCPT, "550 5.1.1 No such user")

    TimeTravel(NOON).run_for(timedelta(hours=1))

    assert server.taken == []
    assert outcomes(second) == [{"reason": "suppressed"}]


def test_whether_an_address_is_suppressed_costs_no_query_of_its_own(
    person: Subscriber, server: SmtpServer
) -> None:
    begin(make_sequence(person.workspace, MAIL), person)

    with CaptureQueriesContext(connection) as queries:
        TimeTravel(NOON).tick()

    asking = [each["sql"] for each in queries if "subscribers_suppression" in each["sql"]]
    assert server.recipients == ["ada@example.com"]
    # One for the fence; one as the mail is recorded, which has the same words.
    assert all("events_enrollment" in each for each in asking)


@pytest.mark.parametrize(
    ("stage", "reply"),
    [
        (Stage.RCPT, "550 5.7.1 Relaying denied"),
        (Stage.RCPT, "552 5.2.2 Mailbox full"),
        (Stage.RCPT, "450 4.1.1 Later"),
        (Stage.DATA, "550 5.1.1 No such user"),
        (Stage.MESSAGE, "554 5.7.1 Spam"),
    ],
)
def test_a_refusal_of_anything_else_suppresses_nobody(
    person: Subscriber, server: SmtpServer, stage: Stage, reply: str
) -> None:
    begin(make_sequence(person.workspace, MAIL), person)
    server.next(stage, reply)

    TimeTravel(NOON).tick()

    person.refresh_from_db()
    assert person.status == "active"
    assert not Suppression.objects.exists()
