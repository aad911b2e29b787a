"""Faults of the audience and the outbox, planted one at a time."""

from datetime import timedelta
from uuid import uuid4

import pytest

from subscribers.models import (
    ConsentRecord,
    ImportRun,
    ListMembership,
    OutgoingEmail,
    Subscriber,
    Suppression,
)
from subscribers.services.audits.audits import Level
from subscribers.services.consent import suppressions
from tests import factories
from tests.support.examining import NOON, found, levels

pytestmark = pytest.mark.django_db
Status = Subscriber.Status
EmailStatus = OutgoingEmail.Status


def make_import(**columns: object) -> ImportRun:
    """Return an import that began at noon and has read nothing yet."""
    given = {"kind": ImportRun.Kind.EVENTS, "started_at": NOON, "updated_at": NOON, **columns}
    return ImportRun.objects.create(workspace=factories.WorkspaceFactory.create(), **given)


@pytest.mark.parametrize("status", [Status.BOUNCED, Status.COMPLAINED])
def test_a_person_who_gets_no_mail_without_a_suppression_is_found(status: Status) -> None:
    factories.SubscriberFactory.create(status=status)

    assert found() == ["People, suppression"]


def test_a_person_with_a_suppressed_address_is_no_fault() -> None:
    person = factories.SubscriberFactory.create()
    suppressions.suppress(
        workspace=person.workspace,
        address=person.email,
        reason=Suppression.Reason.HARD_BOUNCE,
        source="smtp",
        now=NOON,
    )

    assert found() == []


def test_a_tag_of_another_workspace_is_found() -> None:
    factories.SubscriberTagFactory.create(tag=factories.TagFactory.create())

    assert found() == ["People, tags"]


def test_a_list_of_another_workspace_is_found() -> None:
    factories.ListMembershipFactory.create(list=factories.ListFactory.create())

    assert found() == ["People, lists"]


def test_a_place_on_a_list_without_its_person_is_found() -> None:
    membership = factories.ListMembershipFactory.create()
    ListMembership.objects.update(subscriber_id=uuid4())

    looked = found()

    ListMembership.objects.update(subscriber_id=membership.subscriber_id)
    assert looked == ["People, orphans"]


def test_an_open_confirmation_of_an_active_person_is_found() -> None:
    factories.ConfirmationFactory.create(subscriber__status=Status.ACTIVE)

    assert found() == ["People, questions"]


def test_an_open_confirmation_of_a_pending_person_is_no_fault() -> None:
    factories.ConfirmationFactory.create()

    assert found() == []


def test_a_confirmation_that_the_ledger_does_not_have_is_found() -> None:
    person = factories.SubscriberFactory.create()
    factories.ConfirmationFactory.create(subscriber=person, confirmed_at=NOON, closed_at=NOON)

    assert found() == ["People, consent"]


def test_a_confirmation_in_the_ledger_is_no_fault() -> None:
    person = factories.SubscriberFactory.create()
    factories.ConfirmationFactory.create(subscriber=person, confirmed_at=NOON, closed_at=NOON)
    factories.ConsentRecordFactory.create(subscriber=person, kind=ConsentRecord.Kind.CONFIRMED)

    assert found() == []


def test_a_stalled_import_is_found() -> None:
    make_import(updated_at=NOON - timedelta(minutes=11))

    assert found() == ["People, imports"]


def test_imports_that_enrollment_or_are_over_are_no_fault() -> None:
    make_import()
    make_import(status=ImportRun.Status.FINISHED, updated_at=NOON - timedelta(days=1))

    assert found() == []


def test_a_mail_that_is_being_sent_for_ever_is_found() -> None:
    factories.OutgoingEmailFactory.create(status=EmailStatus.SENDING)

    assert found() == ["Outbox, leases"]


def test_a_mail_past_its_time_is_found() -> None:
    factories.OutgoingEmailFactory.create(
        status=EmailStatus.SENDING, lease_expires_at=NOON - timedelta(minutes=10)
    )

    assert found() == ["Outbox, sending"]


def test_a_queued_mail_without_due_time_is_found() -> None:
    factories.OutgoingEmailFactory.create(cause="confirmation:1:1", due_at=None)

    assert found() == ["Outbox, queued"]


def test_a_mail_of_unknown_fate_is_a_warning() -> None:
    factories.OutgoingEmailFactory.create(status=EmailStatus.UNKNOWN)

    assert levels() == {"Outbox, unknown": Level.WARNING}


def test_a_workspace_that_holds_its_mail_is_a_warning() -> None:
    factories.WorkspaceFactory.create(is_mail_paused=True)

    assert levels() == {"Outbox, paused": Level.WARNING}
