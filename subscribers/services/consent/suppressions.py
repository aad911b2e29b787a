"""Suppressed addresses: added, removed, and checked before any mail is sent.

A suppression belongs to an address, not to a subscriber: it holds for every later owner, and only
its hash survives an erasure. The hash is keyed by a value of the workspace in the database, so
rotating settings loses none. Locks: the subscriber with the address, then the suppression.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from django.db import connection, transaction

from subscribers import reactions
from subscribers.models import Confirmation, ConsentRecord, Subscriber, Suppression, Workspace
from subscribers.services.consent import ledger
from subscribers.services.consent.ledger import NOTHING_KNOWN, Circumstances
from subscribers.services.outbox.delivery import key_of
from subscribers.services.storage import sql_values
from subscribers.templating import mail
from subscribers.wire import addresses
from subscribers.wire.address_hashes import address_hash
from subscribers.wire.addresses import Address

Status = Subscriber.Status
Reason = Suppression.Reason
SUPPRESSED = "suppressed"
LONGEST_DETAILS = 500
# The gravest reason stays: a bounce after a complaint does not replace it.
_GRAVITY = {Reason.ERASED: 0, Reason.MANUAL: 1, Reason.HARD_BOUNCE: 2, Reason.COMPLAINT: 3}
_STATUS_AFTER = {Reason.HARD_BOUNCE: Status.BOUNCED, Reason.COMPLAINT: Status.COMPLAINED}
REASON_BY_STATUS = {status: reason for reason, status in _STATUS_AFTER.items()}
_FIND = "SELECT 1 FROM subscribers_suppression WHERE workspace_id = %s AND address_hash = %s"


class SuppressionSource(StrEnum):
    SMTP = "smtp"
    WEBHOOK = "webhook"
    # A bounce or complaint that came back by mail.
    MAIL = "mail"
    ADMIN = "admin"
    API = "api"
    IMPORT = "import"
    ERASURE = "erasure"


# Sources in which a person gave the address itself.
_TYPED_IN = frozenset({SuppressionSource.ADMIN, SuppressionSource.API, SuppressionSource.IMPORT})
# Sources that nobody vouches for: an application may lift a bounce that they claimed.
CLAIMS = frozenset({SuppressionSource.API, SuppressionSource.IMPORT})


@dataclass(frozen=True, slots=True)
class Lifted:
    """A removed suppression, and the address's subscriber after it."""

    subscriber: Subscriber | None
    is_reactivated: bool


class Protected(ValueError):
    """The suppression may not be lifted this way."""

    code = "CONFLICT"


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
    """Suppress an address, and end what is under way for its subscriber; one transaction.
    Idempotent but for the count of bounces. The subscriber becomes bounced or complained; a manual
    reason changes no status. Raises `addresses.InvalidAddress`.
    """
    found = addresses.parse(address)
    with transaction.atomic():
        owner = _locked_owner(workspace, found.key)
        return _add(workspace, found, owner, reason, source, now, details, circumstances)


def note_refusal(
    *, workspace: Workspace, subscriber_id: UUID, recipient: str, error: str, now: datetime
) -> None:
    """Suppress a recipient that a mail server refused for good, in the caller's transaction. Locks
    the email's subscriber. A different subscriber who has the address now keeps their status: their
    mail is not sent either.
    """
    address = addresses.parse(recipient)
    person = Subscriber.objects.locked_one(subscriber_id)
    owner = person if person and person.email_key == address.key else None
    _add(workspace, address, owner, Reason.HARD_BOUNCE, SuppressionSource.SMTP, now, error)


def lift(
    *,
    workspace: Workspace,
    address: str,
    reason: str,
    source: str,
    now: datetime,
    circumstances: Circumstances = NOTHING_KNOWN,
    may_lift: Callable[[Suppression], bool] | None = None,
) -> Lifted | None:
    """Remove a suppression; None when there was none. One transaction, idempotent. Raises
    `Protected` where `may_lift` says no of the row as it is under its lock.

    A bounced subscriber becomes active, pending or unsubscribed again; a complained one becomes
    unsubscribed, and only they can come back. Stopped enrollments stay stopped. For an erased
    subscriber the caller must know the address. Raises `addresses.InvalidAddress`.
    """
    key = addresses.parse(address).key
    with transaction.atomic():
        owner = _locked_owner(workspace, key)
        kept = Suppression.objects.filter(workspace=workspace, address_hash=_hash(workspace, key))
        row = kept.select_for_update().first()
        if row is None:
            return None
        if may_lift is not None and not may_lift(row):
            why = row.get_reason_display().lower()
            raise Protected(f"The address is suppressed ({why}), and only an operator lifts that.")
        row.delete()
        is_reactivated = owner is not None and _restore(owner, now)
        ledger.record_of_address(
            workspace=workspace,
            email_key=key,
            subscriber=owner,
            kind=ConsentRecord.Kind.RELEASED,
            circumstances=circumstances,
            now=now,
            method=source,
            reason=reason,
        )
    return Lifted(owner, is_reactivated)


def is_suppressed(*, workspace: Workspace, email_key: str) -> bool:
    """Tell whether an address is suppressed; called before every email."""
    # Not by the ORM: building the query costs more than the look-up.
    with connection.cursor() as cursor:
        cursor.execute(_FIND, sql_values.adapted(workspace.pk, _hash(workspace, email_key)))
        return cursor.fetchone() is not None


def reason_to_skip(*, workspace: Workspace, recipient: str) -> str | None:
    """Return `suppressed` or None; the caller holds the lock of the email's subscriber."""
    is_found = is_suppressed(workspace=workspace, email_key=key_of(recipient))
    return SUPPRESSED if is_found else None


def hash_of(*, workspace: Workspace, recipient: str) -> str:
    """Return the hash of a recipient's address, 64 hex digits."""
    return _hash(workspace, key_of(recipient))


def find(*, workspace: Workspace, email_key: str) -> Suppression | None:
    hashed = _hash(workspace, email_key)
    return Suppression.objects.filter(workspace=workspace, address_hash=hashed).first()


def forget_address(*, workspace: Workspace, email_key: str) -> None:
    """Reduce a suppression to its hash; the caller holds the subscriber's lock. Idempotent."""
    hashed = _hash(workspace, email_key)
    Suppression.objects.filter(workspace=workspace, address_hash=hashed).update(
        email="", details=""
    )


def keep_hash(*, workspace: Workspace, email_key: str, now: datetime) -> None:
    """Suppress an erased address by its hash; an earlier suppression stays, but is no mere claim
    from now on. The caller holds the subscriber's lock. Idempotent.
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
    claimed = Suppression.objects.filter(source__in=CLAIMS, address_hash=given.address_hash)
    claimed.filter(workspace=workspace).update(source=given.source)


def follow_person(
    *, subscriber: Subscriber, source: str, now: datetime, circumstances: Circumstances
) -> None:
    """Bring status and suppression into line after a change of address or a merge.

    A complaint belongs to the person, so the address is suppressed too. A bounce belonged to the
    old address, so the earlier status returns unless the new address is suppressed. The caller
    holds the subscriber's lock. Idempotent.
    """
    if subscriber.status == Status.COMPLAINED:
        address = Address(text=subscriber.email, key=subscriber.email_key)
        complaint = (Reason.COMPLAINT, source, now, "", circumstances)
        _add(subscriber.workspace, address, subscriber, *complaint)
        return
    found = find(workspace=subscriber.workspace, email_key=subscriber.email_key)
    if found is not None:
        _mark(subscriber, Reason(found.reason), now)
    elif subscriber.status == Status.BOUNCED:
        _restore(subscriber, now)


def status_after(reason: str) -> Subscriber.Status | None:
    """Return the status that a suppression for this reason gives a subscriber, if any."""
    return _STATUS_AFTER.get(Reason(reason))


def is_graver(reason: str, *, than: str) -> bool:
    return _GRAVITY[Reason(reason)] > _GRAVITY[Reason(than)]


def has_better_source(given: Suppression, *, than: Suppression) -> bool:
    """Tell whether a report's source replaces the stored one: a claim never does where somebody
    vouches, and is always replaced by those; else the graver reason's does.
    """
    is_claim, was_claim = given.source in CLAIMS, than.source in CLAIMS
    return was_claim if is_claim != was_claim else is_graver(given.reason, than=than.reason)


def _add(
    workspace: Workspace,
    address: Address,
    owner: Subscriber | None,
    reason: Suppression.Reason,
    source: str,
    now: datetime,
    details: str = "",
    circumstances: Circumstances = NOTHING_KNOWN,
) -> Suppression:
    """Store a suppression; the caller holds the owner's lock."""
    # A server's late report about an erased address must not store it in clear again.
    is_known = owner is not None or source in _TYPED_IN
    given = Suppression(
        workspace=workspace,
        address_hash=_hash(workspace, address.key),
        email=address.text if is_known else "",
        reason=reason,
        source=source,
        details=mail.header_text(details)[:LONGEST_DETAILS] if is_known else "",
        bounces=int(reason == Reason.HARD_BOUNCE),
        created_at=now,
    )
    # Afterwards the row exists and is locked; the update changes nothing.
    Suppression.objects.bulk_create(
        [given],
        update_conflicts=True,
        unique_fields=["workspace", "address_hash"],
        update_fields=["address_hash"],
    )
    stored = Suppression.objects.get(workspace=workspace, address_hash=given.address_hash)
    is_news = stored.pk == given.pk or _merge(given, into=stored)
    if owner is not None:
        _mark(owner, Reason(stored.reason), now)
    if is_news:
        ledger.record_of_address(
            workspace=workspace,
            email_key=address.key,
            subscriber=owner,
            kind=ConsentRecord.Kind.SUPPRESSED,
            circumstances=circumstances,
            now=now,
            method=source,
            reason=given.details or Reason(reason).label,
        )
    return stored


def _merge(given: Suppression, *, into: Suppression) -> bool:
    """Add a repeated report to the locked row; tells whether reason or source is another now."""
    is_worse = is_graver(given.reason, than=into.reason)
    is_better = has_better_source(given, than=into)
    if is_worse:
        into.reason = given.reason
    if is_better:
        into.source, into.details = given.source, given.details
    into.bounces += given.bounces
    into.email = into.email or given.email
    into.save(update_fields=["reason", "source", "details", "bounces", "email"])
    return is_worse or is_better


def _mark(person: Subscriber, reason: Suppression.Reason, now: datetime) -> None:
    """Give the subscriber the reason's status, and end what is under way for them."""
    status = _STATUS_AFTER.get(reason)
    if status and person.status not in {status, Status.COMPLAINED}:
        if person.status == Status.UNSUBSCRIBED and person.unsubscribed_at is None:
            # So that `_restore` makes them unsubscribed again.
            person.unsubscribed_at = now
        person.status, person.updated_at = status, now
        person.save(update_fields=["status", "unsubscribed_at", "updated_at"])
    Confirmation.objects.filter(subscriber=person, closed_at=None).update(closed_at=now)
    reactions.current().suppressed(subscriber_ids=[person.pk], now=now)


def _restore(person: Subscriber, now: datetime) -> bool:
    """Undo a bounce or complaint of a subscriber; tells whether they are active now."""
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
    """Tell whether the subscriber never answered a confirmation, so was never active."""
    questions = Confirmation.objects.filter(subscriber=person)
    return questions.exists() and not questions.filter(confirmed_at__isnull=False).exists()


def _locked_owner(workspace: Workspace, email_key: str) -> Subscriber | None:
    return Subscriber.objects.filter(workspace=workspace, email_key=email_key).locked().first()


def _hash(workspace: Workspace, email_key: str) -> str:
    return address_hash(workspace.address_hash_key, email_key)
