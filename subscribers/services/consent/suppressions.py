"""Addresses that get no mail at all: put down, lifted, and looked for before a mail leaves.

A suppression is of an address, not of a person: it holds for whoever bears the address later, and
of a person who was erased it keeps the hash alone. The hash is keyed by the workspace's own value
in the database, so no rotation of a setting loses any. Locks: the subscriber who bears the
address, then the suppression.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from django.db import connection, transaction

from subscribers import reactions
from subscribers.models import Confirmation, ConsentRecord, Subscriber, Suppression, Workspace
from subscribers.services.consent import ledger
from subscribers.services.consent.ledger import NOTHING_KNOWN, Circumstances
from subscribers.services.storage import sql_values
from subscribers.templating import mail
from subscribers.wire import addresses
from subscribers.wire.address_hashes import address_hash
from subscribers.wire.addresses import Address

Status = Subscriber.Status
Reason = Suppression.Reason
SUPPRESSED = "suppressed"
LONGEST_DETAILS = 500
# What says the most stays: a bounce after a complaint does not make it a bounce.
_GRAVITY = {Reason.ERASED: 0, Reason.MANUAL: 1, Reason.HARD_BOUNCE: 2, Reason.COMPLAINT: 3}
_STATUS_AFTER = {Reason.HARD_BOUNCE: Status.BOUNCED, Reason.COMPLAINT: Status.COMPLAINED}
_FIND = "SELECT 1 FROM subscribers_suppression WHERE workspace_id = %s AND address_hash = %s"


class SuppressionSource(StrEnum):
    """Who said that an address gets no mail."""

    SMTP = "smtp"
    WEBHOOK = "webhook"
    ADMIN = "admin"
    API = "api"
    IMPORT = "import"
    ERASURE = "erasure"


# Somebody gave the address itself.
_TYPED_IN = frozenset({SuppressionSource.ADMIN, SuppressionSource.API, SuppressionSource.IMPORT})


@dataclass(frozen=True, slots=True)
class Lifted:
    """What was lifted; whose address it was, with the status that they have now, or nobody's."""

    subscriber: Subscriber | None
    # Who had bounced may get mail again.
    is_reactivated: bool


def suppress(
    *,
    workspace: Workspace,
    address: str,
    reason: Suppression.Reason,
    source: str,
    now: datetime,
    details: str = "",
    circumstances: Circumstances = NOTHING_KNOWN,
) -> Suppression:
    """Put an address down, and end what is under way for whoever bears it; one transaction.

    Idempotent but for the count of bounces. Who bears it has bounced or complained afterwards; a
    hand changes no status, so that lifting leaves none behind. Raises `addresses.InvalidAddress`.
    """
    found = addresses.parse(address)
    with transaction.atomic():
        bearer = _locked_bearer(workspace, found.key)
        return _put_down(
            workspace=workspace,
            address=found,
            bearer=bearer,
            reason=reason,
            source=source,
            now=now,
            details=details,
            circumstances=circumstances,
        )


def note_refusal(
    *, workspace: Workspace, subscriber_id: UUID, recipient: str, error: str, now: datetime
) -> None:
    """Put down the recipient whom a mail server refused for good; in the caller's transaction.

    Locks the mail's subscriber, whom the caller holds already or nobody else. Who bears the
    address by now, if that is somebody else, keeps their status: the fence holds their mail.
    """
    address = addresses.parse(recipient)
    person = Subscriber.objects.locked_one(subscriber_id)
    _put_down(
        workspace=workspace,
        address=address,
        bearer=person if person and person.email_key == address.key else None,
        reason=Reason.HARD_BOUNCE,
        source=SuppressionSource.SMTP,
        now=now,
        details=error,
        circumstances=NOTHING_KNOWN,
    )


def lift(
    *,
    workspace: Workspace,
    address: str,
    reason: str,
    source: str,
    now: datetime,
    circumstances: Circumstances = NOTHING_KNOWN,
) -> Lifted | None:
    """Let mail go to an address again; None when nothing kept it. One transaction, idempotent.

    Who had bounced is as they were before: active, pending or unsubscribed. Who had complained
    has left; only they themselves come back. Enrollments that were stopped stay so. Of somebody
    erased the caller must know the address. Raises `addresses.InvalidAddress`.
    """
    key = addresses.parse(address).key
    with transaction.atomic():
        bearer = _locked_bearer(workspace, key)
        kept = Suppression.objects.filter(workspace=workspace, address_hash=_hash(workspace, key))
        if not kept.delete()[0]:
            return None
        is_reactivated = bearer is not None and _restore(bearer, now)
        ledger.record_of_address(
            workspace=workspace,
            email_key=key,
            subscriber=bearer,
            kind=ConsentRecord.Kind.RELEASED,
            circumstances=circumstances,
            now=now,
            method=source,
            reason=reason,
        )
    return Lifted(bearer, is_reactivated)


def is_suppressed(*, workspace: Workspace, email_key: str) -> bool:
    """Tell whether an address gets no mail; asked for every mail that leaves."""
    # Not by the ORM: building the query costs more than the look-up.
    with connection.cursor() as cursor:
        cursor.execute(_FIND, sql_values.adapted(workspace.pk, _hash(workspace, email_key)))
        return cursor.fetchone() is not None


def reason_to_skip(*, workspace: Workspace, recipient: str) -> str | None:
    """Return `suppressed` when no mail may go to the address that a mail bears, else None.

    The caller holds the lock of the mail's subscriber, whom `suppress` locks first.
    """
    is_found = is_suppressed(workspace=workspace, email_key=_key_of(recipient))
    return SUPPRESSED if is_found else None


def hash_of(*, workspace: Workspace, recipient: str) -> str:
    """Return the hash under which the address that a mail bears would be stored, 64 hex digits."""
    return _hash(workspace, _key_of(recipient))


def find(*, workspace: Workspace, email_key: str) -> Suppression | None:
    """Return what keeps mail from an address."""
    hashed = _hash(workspace, email_key)
    return Suppression.objects.filter(workspace=workspace, address_hash=hashed).first()


def forget_address(*, workspace: Workspace, email_key: str) -> None:
    """Keep of a suppression the hash alone, since whoever bore the address is being erased.

    The caller holds the subscriber's lock. Idempotent.
    """
    hashed = _hash(workspace, email_key)
    Suppression.objects.filter(workspace=workspace, address_hash=hashed).update(
        email="", details=""
    )


def keep_hash(*, workspace: Workspace, email_key: str, now: datetime) -> None:
    """Let no mail go to the address of somebody erased, of whom this keeps the hash alone.

    What kept mail from it before stays as it is. The caller holds the subscriber's lock.
    Idempotent.
    """
    given = Suppression(
        workspace=workspace,
        address_hash=_hash(workspace, email_key),
        reason=Reason.ERASED,
        source=SuppressionSource.ERASURE,
        bounces=0,
        created_at=now,
    )
    Suppression.objects.bulk_create([given], ignore_conflicts=True)


def follow_person(
    *, subscriber: Subscriber, source: str, now: datetime, circumstances: Circumstances
) -> None:
    """Make status and suppression of somebody agree who bears another address, or was merged.

    A complaint is the person's and is put down for the address, too. A bounce was the old
    address's: who had bounced is as they were before, unless the new one is suppressed itself. The
    caller holds the subscriber's lock. Idempotent.
    """
    if subscriber.status == Status.COMPLAINED:
        _put_down(
            workspace=subscriber.workspace,
            address=Address(text=subscriber.email, key=subscriber.email_key),
            bearer=subscriber,
            reason=Reason.COMPLAINT,
            source=source,
            now=now,
            details="",
            circumstances=circumstances,
        )
        return
    found = find(workspace=subscriber.workspace, email_key=subscriber.email_key)
    if found is not None:
        _mark(subscriber, Reason(found.reason), now)
    elif subscriber.status == Status.BOUNCED:
        _restore(subscriber, now)


def status_after(reason: str) -> Subscriber.Status | None:
    """Return the status of who bears an address that is kept from mail for this, if it has one."""
    return _STATUS_AFTER.get(Reason(reason))


def is_graver(reason: str, *, than: str) -> bool:
    """Tell whether a reason says more than another."""
    return _GRAVITY[Reason(reason)] > _GRAVITY[Reason(than)]


def _put_down(
    *,
    workspace: Workspace,
    address: Address,
    bearer: Subscriber | None,
    reason: Suppression.Reason,
    source: str,
    now: datetime,
    details: str,
    circumstances: Circumstances,
) -> Suppression:
    """Store what keeps mail from an address; the caller holds the bearer's lock."""
    bounced = reason == Reason.HARD_BOUNCE
    # What a server says late of an erased address must not bring it back in the clear.
    is_known = bearer is not None or source in _TYPED_IN
    given = Suppression(
        workspace=workspace,
        address_hash=_hash(workspace, address.key),
        email=address.text if is_known else "",
        reason=reason,
        source=source,
        details=mail.header_text(details)[:LONGEST_DETAILS] if is_known else "",
        bounces=int(bounced),
        created_at=now,
    )
    # The row is there and locked afterwards, whoever made it; the update changes nothing.
    Suppression.objects.bulk_create(
        [given],
        update_conflicts=True,
        unique_fields=["workspace", "address_hash"],
        update_fields=["address_hash"],
    )
    stored = Suppression.objects.get(workspace=workspace, address_hash=given.address_hash)
    is_news = stored.pk == given.pk
    if not is_news:
        is_news = _add(given, to=stored)
    if bearer is not None:
        _mark(bearer, Reason(stored.reason), now)
    if is_news:
        ledger.record_of_address(
            workspace=workspace,
            email_key=address.key,
            subscriber=bearer,
            kind=ConsentRecord.Kind.SUPPRESSED,
            circumstances=circumstances,
            now=now,
            method=source,
            reason=given.details or Reason(reason).label,
        )
    return stored


def _add(given: Suppression, *, to: Suppression) -> bool:
    """Add what was said again to the locked row; tells whether it says more than before."""
    is_graver = _GRAVITY[Reason(given.reason)] > _GRAVITY[Reason(to.reason)]
    if is_graver:
        to.reason, to.source, to.details = given.reason, given.source, given.details
    to.bounces += given.bounces
    to.email = to.email or given.email
    to.save(update_fields=["reason", "source", "details", "bounces", "email"])
    return is_graver


def _mark(person: Subscriber, reason: Suppression.Reason, now: datetime) -> None:
    """Give who bears the address the status that it says, and end what is under way for them."""
    status = _STATUS_AFTER.get(reason)
    if status and person.status not in {status, Status.COMPLAINED}:
        if person.status == Status.UNSUBSCRIBED and person.unsubscribed_at is None:
            # So that lifting finds that they had left.
            person.unsubscribed_at = now
        person.status, person.updated_at = status, now
        person.save(update_fields=["status", "unsubscribed_at", "updated_at"])
    Confirmation.objects.filter(subscriber=person, closed_at=None).update(closed_at=now)
    reactions.current().suppressed(subscriber_ids=[person.pk], now=now)


def _restore(person: Subscriber, now: datetime) -> bool:
    """Give who had bounced or complained the status that they had; tells whether they get mail."""
    match person.status:
        case Status.COMPLAINED:
            status = Status.UNSUBSCRIBED
            person.unsubscribed_at = person.unsubscribed_at or now
        case Status.BOUNCED if person.unsubscribed_at is not None:
            status = Status.UNSUBSCRIBED
        case Status.BOUNCED if _never_answered(person):
            status = Status.PENDING
        case Status.BOUNCED:
            status = Status.ACTIVE
        case _:
            return False
    person.status, person.updated_at = status, now
    person.save(update_fields=["status", "unsubscribed_at", "updated_at"])
    return status == Status.ACTIVE


def _never_answered(person: Subscriber) -> bool:
    """Tell whether somebody was asked to confirm and never did: nobody else gets mail unasked."""
    questions = Confirmation.objects.filter(subscriber=person)
    return questions.exists() and not questions.filter(confirmed_at__isnull=False).exists()


def _locked_bearer(workspace: Workspace, email_key: str) -> Subscriber | None:
    return Subscriber.objects.filter(workspace=workspace, email_key=email_key).locked().first()


def _key_of(recipient: str) -> str:
    """Return what a stored address is compared by; one that is none leaves by no mail server."""
    try:
        return addresses.parse(recipient).key
    except addresses.InvalidAddress:
        return recipient.strip().lower()


def _hash(workspace: Workspace, email_key: str) -> str:
    return address_hash(workspace.address_hash_key, email_key)
