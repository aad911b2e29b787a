"""Gives a subscriber another address."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from subscribers.models import Confirmation, ConsentRecord, OutgoingEmail, Subscriber
from subscribers.services.consent import asking, ledger, suppressions
from subscribers.services.consent.ledger import Circumstances
from subscribers.services.dispatch.confirmations import CLOSED
from subscribers.services.people.erasing import SubscriberGone
from subscribers.wire import addresses
from subscribers.wire.addresses import Address

Status = Subscriber.Status
EmailStatus = OutgoingEmail.Status
SOURCE = "address_changed"


class AddressTaken(ValueError):
    """Another subscriber of the workspace has the address."""

    code = "CONFLICT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """The result; `is_asked`: a confirmation email goes to the new address."""

    email: str
    status: str
    is_asked: bool


def change(
    *,
    subscriber_id: UUID,
    address: str,
    circumstances: Circumstances,
    now: datetime,
    is_test: bool = False,
) -> Changed:
    """Change a subscriber's address; one transaction, under their lock. Idempotent.

    Queued mail goes to the new address. The caller answers for the address: an active subscriber
    stays active; a pending one gets a new confirmation within the limits, and old links expire. A
    bounced one gets the earlier status back, unless the new address is suppressed. Raises
    `addresses.InvalidAddress`, `AddressTaken` and `SubscriberGone`.
    """
    new = addresses.parse(address)
    with transaction.atomic():
        person = Subscriber.objects.locked_one(subscriber_id)
        if person is None:
            raise SubscriberGone("The person is gone already.")
        old_key = person.email_key
        _store(person, new, now)
        if old_key == new.key:
            return Changed(email=person.email, status=person.status, is_asked=False)
        ledger.record_of_address(
            workspace=person.workspace,
            email_key=old_key,
            subscriber=person,
            kind=ConsentRecord.Kind.READDRESSED,
            circumstances=circumstances,
            now=now,
            reason="The person has another address now.",
        )
        suppressions.follow_person(
            subscriber=person, source=SOURCE, now=now, circumstances=circumstances
        )
        is_asked = _redirect(person, circumstances, now, is_test=is_test)
    return Changed(email=person.email, status=person.status, is_asked=is_asked)


def _store(person: Subscriber, new: Address, now: datetime) -> None:
    person.email, person.email_key, person.updated_at = new.text, new.key, now
    try:
        with transaction.atomic():
            person.save(update_fields=["email", "email_key", "updated_at"])
    except IntegrityError as error:
        raise AddressTaken(
            f"{new.text} is somebody else's: merge the two, if they are one person."
        ) from error


def redirect_mails(mails: QuerySet[OutgoingEmail], *, recipient: str) -> None:
    """Send queued emails to another address; confirmations are skipped."""
    waiting = mails.filter(status=EmailStatus.QUEUED)
    waiting.filter(kind=OutgoingEmail.Kind.CONFIRMATION).update(
        status=EmailStatus.SKIPPED, reason=CLOSED, due_at=None, lease_token=None,
        lease_expires_at=None,
    )  # fmt: skip
    waiting.update(recipient=recipient)


def _redirect(
    person: Subscriber, circumstances: Circumstances, now: datetime, *, is_test: bool
) -> bool:
    """Redirect queued mail, and ask the new address for an open confirmation."""
    redirect_mails(OutgoingEmail.objects.filter(subscriber=person), recipient=person.email)
    Confirmation.objects.filter(subscriber=person, closed_at=None).update(closed_at=now)
    if person.status != Status.PENDING:
        return False
    asked = asking.ask(subscriber=person, circumstances=circumstances, now=now, is_test=is_test)
    return asked.is_queued
