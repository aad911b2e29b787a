"""The preferences page of an email's recipient: the public lists that they can choose."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from subscribers.models import List, ListMembership, Subscriber
from subscribers.services.consent import unsubscribing
from subscribers.services.consent.ledger import Circumstances

# Bounds the page and its form.
MOST_LISTS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicList:
    """A list that people may join and leave themselves, with one subscriber's membership."""

    id: UUID
    name: str
    description: str
    is_member: bool


def lists_of(subscriber: Subscriber) -> list[PublicList]:
    """Return the lists that the subscriber may choose, by name; none unless active."""
    if subscriber.status != Subscriber.Status.ACTIVE:
        return []
    joined = ListMembership.objects.filter(subscriber=subscriber, unsubscribed_at=None)
    list_ids = set(joined.values_list("list_id", flat=True))
    return [
        PublicList(
            id=each.pk, name=each.name, description=each.description, is_member=each.pk in list_ids
        )
        for each in List.objects.filter(
            workspace_id=subscriber.workspace_id, is_private=False, allow_member_unsubscribe=True
        ).order_by("name", "id")[:MOST_LISTS]
    ]


def joined_list(*, subscriber: Subscriber, mail_list: str) -> List | None:
    """Return the list that a link with this public id leaves; None where they are not on it."""
    found = unsubscribing.list_of_link(subscriber=subscriber, mail_list=mail_list)
    joined = ListMembership.objects.filter(subscriber=subscriber, list=found, unsubscribed_at=None)
    return found if found and joined.exists() else None


def choose(
    *,
    subscriber_id: UUID,
    shown: Collection[UUID],
    wanted: Collection[UUID],
    circumstances: Circumstances,
    now: datetime,
) -> None:
    """Join the wanted ones of the lists shown to the subscriber, and leave the others.

    One transaction, under the subscriber's lock. Other lists stay unchanged. Idempotent; does
    nothing for a subscriber who is not active.
    """
    with transaction.atomic():
        subscriber = Subscriber.objects.locked_one(subscriber_id)
        if subscriber is None:
            return
        theirs = [each for each in lists_of(subscriber) if each.id in shown]
        to_join = [each.id for each in theirs if each.id in wanted and not each.is_member]
        to_leave = [each.id for each in theirs if each.id not in wanted and each.is_member]
        unsubscribing.join_lists(
            subscriber=subscriber, list_ids=to_join, circumstances=circumstances, now=now
        )
        unsubscribing.leave_lists(
            subscriber=subscriber, list_ids=to_leave, circumstances=circumstances, now=now
        )
