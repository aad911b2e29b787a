"""A change of address: the person stays, mail follows, and a pending one is asked again."""

from datetime import UTC, datetime, timedelta

import pytest

from subscribers.models import Confirmation, ConsentRecord, OutgoingEmail, Subscriber, Suppression
from subscribers.services.consent import confirmations, suppressions
from subscribers.services.consent.ledger import Circumstances
from subscribers.services.consent.suppressions import SuppressionSource
from subscribers.services.people import changing_address, erasing
from subscribers.wire.address_hashes import address_hash
from subscribers.wire.addresses import InvalidAddress
from tests import factories
from tests.support.asking_people import ask, token_in

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
Reason = Suppression.Reason


@pytest.fixture
def person(db: None) -> Subscriber:
    """An active person in a workspace that can send confirmations."""
    ada: Subscriber = factories.SubscriberFactory.create(
        email="ada@example.com", workspace__from_email="hi@acme.example"
    )
    return ada


def change(person: Subscriber, address: str = "Ada@New.example") -> changing_address.Changed:
    changed = changing_address.change(
        subscriber_id=person.pk,
        address=address,
        circumstances=Circumstances(actor="grace"),
        now=NOON,
    )
    person.refresh_from_db()
    return changed


def suppress(person: Subscriber, address: str, reason: Reason) -> None:
    suppressions.suppress(
        workspace=person.workspace,
        address=address,
        reason=reason,
        source=SuppressionSource.ADMIN,
        now=NOON,
    )


def test_the_person_stays_and_the_ledger_tells_of_the_old_address(person: Subscriber) -> None:
    changed = change(person)

    line = ConsentRecord.objects.get()
    hashed = address_hash(person.workspace.address_hash_key, "ada@example.com")
    assert changed == changing_address.Changed(
        email="Ada@new.example", status="active", is_asked=False
    )
    assert (person.email, person.email_key) == ("Ada@new.example", "ada@new.example")
    assert (line.kind, line.actor) == ("readdressed", "grace")
    assert (line.subscriber, line.address_hash) == (person, hashed)


def test_mail_that_waits_follows_and_what_has_left_does_not(person: Subscriber) -> None:
    waiting = factories.OutgoingEmailFactory.create(subscriber=person)
    sending = factories.OutgoingEmailFactory.create(subscriber=person, status="sending")

    change(person)

    waiting.refresh_from_db()
    sending.refresh_from_db()
    assert waiting.recipient == "Ada@new.example"
    assert sending.recipient == "ada@example.com"


def test_who_is_pending_is_asked_at_the_new_address_and_the_old_link_ends(
    person: Subscriber,
) -> None:
    Subscriber.objects.update(status="pending")
    ask(person)
    old_mail = OutgoingEmail.objects.get()

    changed = change(person)

    old_mail.refresh_from_db()
    new_mail = OutgoingEmail.objects.exclude(pk=old_mail.pk).get()
    assert changed.is_asked
    assert (old_mail.status, old_mail.reason) == ("skipped", "confirmation_closed")
    assert (new_mail.status, new_mail.recipient) == ("queued", "Ada@new.example")
    old_link = confirmations.read_link(token_in(old_mail), NOON)
    new_link = confirmations.read_link(token_in(new_mail), NOON)
    assert old_link.state != confirmations.LinkState.OPEN
    assert new_link.state == confirmations.LinkState.OPEN
    assert Confirmation.objects.filter(closed_at=None).count() == 1


def test_a_taken_address_is_refused_and_nothing_changes(person: Subscriber) -> None:
    factories.SubscriberFactory.create(workspace=person.workspace, email="bob@example.com")

    with pytest.raises(changing_address.AddressTaken, match="merge the two"):
        change(person, "BOB@example.com")
    with pytest.raises(InvalidAddress):
        change(person, "nobody")

    person.refresh_from_db()
    assert person.email == "ada@example.com"
    assert not ConsentRecord.objects.exists()


def test_another_workspace_s_address_is_free(person: Subscriber) -> None:
    factories.SubscriberFactory.create(email="bob@example.com")

    change(person, "bob@example.com")

    assert person.email_key == "bob@example.com"


def test_another_way_to_write_it_is_no_other_address(person: Subscriber) -> None:
    change(person, "Ada@Example.com")

    assert person.email == "Ada@example.com"
    assert not ConsentRecord.objects.exists()


def test_a_bounce_was_the_old_address_s(person: Subscriber) -> None:
    suppress(person, "ada@example.com", Reason.HARD_BOUNCE)

    change(person)

    assert person.status == "active"
    assert suppressions.is_suppressed(workspace=person.workspace, email_key="ada@example.com")


def test_who_had_left_before_the_bounce_has_left(person: Subscriber) -> None:
    Subscriber.objects.update(status="unsubscribed", unsubscribed_at=NOON - timedelta(days=1))
    suppress(person, "ada@example.com", Reason.HARD_BOUNCE)

    change(person)

    assert person.status == "unsubscribed"


def test_a_complaint_goes_along(person: Subscriber) -> None:
    suppress(person, "ada@example.com", Reason.COMPLAINT)

    change(person)

    assert person.status == "complained"
    assert suppressions.is_suppressed(workspace=person.workspace, email_key="ada@new.example")


def test_a_suppression_of_the_new_address_holds(person: Subscriber) -> None:
    suppress(person, "ada@new.example", Reason.HARD_BOUNCE)

    change(person)

    assert person.status == "bounced"


def test_an_unknown_person_is_refused(person: Subscriber) -> None:
    person_id = person.pk
    person.delete()

    with pytest.raises(erasing.SubscriberGone):
        changing_address.change(
            subscriber_id=person_id,
            address="ada@new.example",
            circumstances=Circumstances(),
            now=NOON,
        )
