"""People who leave: by the link in a mail, or because somebody does it for them.

Coming back is by a confirmation alone. What happened is in the ledger, in the same transaction.

A link's token is the subscriber's id and their own random secret, 32 hex digits each: the primary
key finds the row, so that a guess costs no search, and the secret is compared. Neither depends on
a key of the installation, so links in old mails outlive every rotation.
"""

import hmac
import logging
import re
from collections.abc import Collection, Sequence
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from django.db import transaction
from django.db.models import Case, F, Value, When

from subscribers import reactions
from subscribers.models import Confirmation, ConsentRecord, List, Subscriber, Workspace
from subscribers.services.audience import lists
from subscribers.services.consent import ledger
from subscribers.services.consent.ledger import NOTHING_KNOWN, Circumstances

logger = logging.getLogger("cueline.unsubscribing")

Status = Subscriber.Status
Kind = ConsentRecord.Kind
# Those who bounced or complained stay so, since it says more; when they left is kept beside it.
LEAVING = (Status.PENDING, Status.ACTIVE)
_TOKEN = re.compile(r"([0-9a-f]{32})([0-9a-f]{32})", re.ASCII)


class UnsubscribeMethod(StrEnum):
    """By what somebody left."""

    # A mail program sent the POST of RFC 8058.
    ONE_CLICK = "one_click"
    PAGE = "page"
    # A delivery service reports it: its own link, or a reply.
    SERVICE = "service"


def leave(
    *,
    subscriber_ids: Sequence[UUID],
    now: datetime,
    method: str,
    circumstances: Circumstances = NOTHING_KNOWN,
    reason: str = "",
) -> list[UUID]:
    """Unsubscribe people of one workspace and end what that ends; returns those who left, by id.

    One transaction; locks the subscribers in the order of their ids. Idempotent: whoever reacts
    hears of nobody twice. Who bounced or complained keeps that status, and has left all the same
    once the suppression is lifted. A question to come back is closed: the last word counts.
    """
    with transaction.atomic():
        locked = list(Subscriber.objects.filter(pk__in=subscriber_ids).locked())
        taken_back = _close_questions(locked, now)
        leaving = [person for person in locked if not has_left(person)]
        left = [person.pk for person in leaving]
        if left:
            goes = When(status__in=LEAVING, then=Value(Status.UNSUBSCRIBED))
            Subscriber.objects.filter(pk__in=left).update(
                status=Case(goes, default=F("status")), unsubscribed_at=now, updated_at=now
            )
            reactions.current().left(subscriber_ids=left, now=now)
        heard = [person for person in locked if person in leaving or person.pk in taken_back]
        # Joined to the rows that are locked, the workspace would be locked with them.
        workspaces = Workspace.objects.in_bulk({person.workspace_id for person in heard})
        for person in heard:
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
    """Tell whether somebody has unsubscribed, also while a bounce or complaint says more."""
    if person.status in LEAVING:
        return False
    return person.status == Status.UNSUBSCRIBED or person.unsubscribed_at is not None


def leave_by_link(
    *,
    token: str,
    now: datetime,
    method: UnsubscribeMethod,
    circumstances: Circumstances = NOTHING_KNOWN,
    reason: str = "",
) -> None:
    """Unsubscribe the person whose link it is; nobody for any other text. Idempotent.

    It returns nothing, so that no caller can tell a known token from an unknown one.
    """
    person = owner_of(token)
    if person is not None:
        leave(
            subscriber_ids=[person.pk],
            now=now,
            method=method,
            circumstances=circumstances,
            reason=reason,
        )


def leave_lists(
    *,
    subscriber: Subscriber,
    list_ids: Collection[UUID],
    circumstances: Circumstances,
    now: datetime,
) -> list[UUID]:
    """Take a person off lists, with a line for each; returns those that they were on.

    The caller holds the subscriber's lock, in a transaction. Idempotent.
    """
    left = lists.leave(subscriber=subscriber, list_ids=list_ids, now=now)
    _record_lists(subscriber, Kind.LEFT_LIST, left, circumstances, now)
    return left


def join_lists(
    *,
    subscriber: Subscriber,
    list_ids: Collection[UUID],
    circumstances: Circumstances,
    now: datetime,
) -> list[UUID]:
    """Put an active person on lists, with a line for each, and start what joining them starts.

    Returns those that they were not on. Nobody else joins any: whoever is pending or has left
    confirms first. The caller holds the subscriber's lock, in a transaction. Idempotent.
    """
    if subscriber.status != Status.ACTIVE:
        return []
    joined = lists.join(subscriber=subscriber, list_ids=list_ids, now=now)
    _record_lists(subscriber, Kind.JOINED_LIST, joined, circumstances, now)
    if joined:
        reactions.current().list_joined(subscriber_ids=[subscriber.pk], list_ids=joined, now=now)
    return joined


def link_token(subscriber: Subscriber) -> str:
    """Return what the subscriber's link ends with: 64 hex digits."""
    return f"{subscriber.pk.hex}{subscriber.unsubscribe_token}"


def owner_of(token: str) -> Subscriber | None:
    """Return the person whose link ends so, with their workspace; None for any other text."""
    match = _TOKEN.fullmatch(token)
    if match is None:
        return None
    person = Subscriber.objects.select_related("workspace").filter(pk=UUID(match[1])).first()
    if person is None:
        return _merged_owner_of(token)
    return person if hmac.compare_digest(person.unsubscribe_token, match[2]) else None


def hash_of_link(subscriber: Subscriber) -> str:
    """Return what the ledger keeps of a link whose owner's row goes into another's."""
    return ledger.hash_of_text(link_token(subscriber))


def _merged_owner_of(token: str) -> Subscriber | None:
    """Return whoever the owner of a link was merged into: old mails bear it still.

    Lines of a merge are few, and the index of their kind finds them.
    """
    lines = ConsentRecord.objects.filter(kind=Kind.MERGED, text_hash=ledger.hash_of_text(token))
    line = lines.select_related("subscriber__workspace").order_by("-id").first()
    return line.subscriber if line else None


def _close_questions(people: Sequence[Subscriber], now: datetime) -> set[UUID]:
    """Close what is still asked of people whose locks the caller holds; returns who they are."""
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
            method=UnsubscribeMethod.PAGE,
            list_name=name,
        )
