"""Unsubscribing: by the link in an email, by an operator, or reported by a delivery service. Only a
confirmation reverses it. The ledger is written in the same transaction.

A link's token is the subscriber's id and random secret, 32 hex digits each: the primary key finds
the row, then the secret is compared. Neither depends on a key of the installation, so links in old
emails survive every rotation.
"""

import hmac
import logging
from collections.abc import Collection, Sequence
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from django.db import transaction
from django.db.models import Case, F, Value, When

from subscribers import reactions
from subscribers.ids import decode
from subscribers.models import Confirmation, ConsentRecord, List, Subscriber, Workspace
from subscribers.services.activity import latest_mail
from subscribers.services.audience import lists
from subscribers.services.consent import ledger
from subscribers.services.consent.ledger import NOTHING_KNOWN, Circumstances
from subscribers.wire import link_tokens

logger = logging.getLogger("cueline.unsubscribing")

Status = Subscriber.Status
Kind = ConsentRecord.Kind
# Bounced and complained subscribers keep that status; `unsubscribed_at` says when they left.
LEAVING = (Status.PENDING, Status.ACTIVE)


class UnsubscribeMethod(StrEnum):
    # A mail program sent the POST of RFC 8058.
    ONE_CLICK = "one_click"
    PAGE = "page"
    # A mail to the address of `List-Unsubscribe`.
    MAIL = "mail"
    # Reported by a delivery service: its own link, or a reply.
    SERVICE = "service"
    API = "api"


def leave(
    *,
    subscriber_ids: Sequence[UUID],
    now: datetime,
    method: str,
    circumstances: Circumstances = NOTHING_KNOWN,
    reason: str = "",
) -> list[UUID]:
    """Unsubscribe people of one workspace; returns the ids of those who left, in order.

    One transaction; locks the subscribers by id. Idempotent: reactions get each subscriber once. A
    bounced or complained subscriber keeps that status, and becomes unsubscribed once the
    suppression is removed. An open confirmation is closed: the last decision counts.
    """
    with transaction.atomic():
        locked = list(Subscriber.objects.filter(pk__in=subscriber_ids).locked())
        closed = _close_questions(locked, now)
        leaving = [person for person in locked if not has_left(person)]
        left = [person.pk for person in leaving]
        if left:
            goes = When(status__in=LEAVING, then=Value(Status.UNSUBSCRIBED))
            Subscriber.objects.filter(pk__in=left).update(
                status=Case(goes, default=F("status")), unsubscribed_at=now, updated_at=now
            )
            reactions.current().left(subscriber_ids=left, now=now)
        changed = [person for person in locked if person in leaving or person.pk in closed]
        # A join to the locked rows would lock the workspaces too.
        workspaces = Workspace.objects.in_bulk({person.workspace_id for person in changed})
        for person in changed:
            person.workspace = workspaces[person.workspace_id]
            ledger.record(
                subscriber=person,
                kind=Kind.LEFT,
                circumstances=circumstances,
                now=now,
                method=method,
                reason=reason,
            )
    for subscriber_id in left:
        logger.info("Unsubscribed by %s.", method, extra={"subscriber_id": subscriber_id})
    return left


def has_left(person: Subscriber) -> bool:
    """Tell whether the subscriber unsubscribed, also under a bounce or complaint."""
    if person.status in LEAVING:
        return False
    return person.status == Status.UNSUBSCRIBED or person.unsubscribed_at is not None


def leave_by_link(
    *,
    token: str,
    now: datetime,
    method: UnsubscribeMethod,
    mail_list: str = "",
    circumstances: Circumstances = NOTHING_KNOWN,
    reason: str = "",
) -> None:
    """Unsubscribe the link's owner: from the list with the public id `mail_list`, from all mail
    where that is no list to leave. Does nothing for other text. Idempotent. Returns nothing, so
    that no caller can tell a known token from an unknown one.
    """
    person = owner_of(token)
    if person is None:
        return
    left = list_of_link(subscriber=person, mail_list=mail_list)
    gone: Sequence[UUID] = []
    if left is not None:
        with transaction.atomic():
            locked = Subscriber.objects.locked_one(person.pk)
            if locked is not None:
                gone = leave_lists(
                    subscriber=locked,
                    list_ids=[left.pk],
                    circumstances=circumstances,
                    now=now,
                    method=method,
                    reason=reason,
                )
    else:
        gone = leave(
            subscriber_ids=[person.pk],
            now=now,
            method=method,
            circumstances=circumstances,
            reason=reason,
        )
    if gone:
        latest_mail.note_unsubscribed(subscriber_id=person.pk, now=now)


def leave_lists(
    *,
    subscriber: Subscriber,
    list_ids: Collection[UUID],
    circumstances: Circumstances,
    now: datetime,
    method: UnsubscribeMethod = UnsubscribeMethod.PAGE,
    reason: str = "",
) -> list[UUID]:
    """Remove a subscriber from lists, with a consent record each; returns the lists left. The
    caller holds the subscriber's lock, in a transaction. Idempotent.
    """
    left = lists.leave(subscriber=subscriber, list_ids=list_ids, now=now)
    _record_lists(
        subscriber, Kind.LEFT_LIST, left, circumstances, now, method=method, reason=reason
    )
    return left


def join_lists(
    *,
    subscriber: Subscriber,
    list_ids: Collection[UUID],
    circumstances: Circumstances,
    now: datetime,
) -> list[UUID]:
    """Add an active subscriber to lists, with a consent record each, and start their sequences;
    returns the lists joined. Others join none: they confirm first. The caller holds the
    subscriber's lock, in a transaction. Idempotent.
    """
    if subscriber.status != Status.ACTIVE:
        return []
    joined = lists.join(subscriber=subscriber, list_ids=list_ids, now=now)
    _record_lists(subscriber, Kind.JOINED_LIST, joined, circumstances, now)
    if joined:
        reactions.current().list_joined(subscriber_ids=[subscriber.pk], list_ids=joined, now=now)
    return joined


def list_of_link(*, subscriber: Subscriber, mail_list: str) -> List | None:
    """Return the list that a link with this public id leaves; None where that is all mail: for
    other text, a deleted list, and one that members cannot leave alone.
    """
    list_id = decode("lst", mail_list)
    if list_id is None:
        return None
    return List.objects.filter(
        workspace_id=subscriber.workspace_id, pk=list_id, allow_member_unsubscribe=True
    ).first()


def link_token(subscriber: Subscriber) -> str:
    """Return the token of the subscriber's link: 64 hex digits."""
    return f"{subscriber.pk.hex}{subscriber.unsubscribe_token}"


def owner_of(token: str) -> Subscriber | None:
    """Return the token's subscriber with the workspace; None for other text."""
    match = link_tokens.UNSUBSCRIBE.fullmatch(token)
    if match is None:
        return None
    person = Subscriber.objects.select_related("workspace").filter(pk=UUID(match[1])).first()
    if person is None:
        return _merged_owner_of(token)
    return person if hmac.compare_digest(person.unsubscribe_token, match[2]) else None


def hash_of_link(subscriber: Subscriber) -> str:
    """Return the hash that keeps a merged subscriber's link valid."""
    return ledger.hash_of_text(link_token(subscriber))


def _merged_owner_of(token: str) -> Subscriber | None:
    """Return the subscriber that the token's owner was merged into: old emails still have the link.
    Merge records are few, and the index of their kind finds them.
    """
    lines = ConsentRecord.objects.filter(kind=Kind.MERGED, text_hash=ledger.hash_of_text(token))
    line = lines.select_related("subscriber__workspace").order_by("-id").first()
    return line.subscriber if line else None


def _close_questions(people: Sequence[Subscriber], now: datetime) -> set[UUID]:
    questions = Confirmation.objects.filter(subscriber__in=people, closed_at=None)
    asked = set(questions.values_list("subscriber_id", flat=True))
    if asked:
        questions.update(closed_at=now)
    return asked


def _record_lists(
    subscriber: Subscriber,
    kind: ConsentRecord.Kind,
    list_ids: Collection[UUID],
    circumstances: Circumstances,
    now: datetime,
    *,
    method: UnsubscribeMethod = UnsubscribeMethod.PAGE,
    reason: str = "",
) -> None:
    if not list_ids:
        return
    found = List.objects.filter(pk__in=list_ids).order_by("id")
    for name in found.values_list("name", flat=True):
        ledger.record(
            subscriber=subscriber,
            kind=kind,
            circumstances=circumstances,
            now=now,
            method=method,
            reason=reason,
            list_name=name,
        )
