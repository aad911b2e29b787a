"""Lists: their members and settings."""

from collections.abc import Callable, Collection
from datetime import datetime
from uuid import UUID

from django.db import transaction

from subscribers.models import List, ListMembership, Subscriber
from subscribers.services.storage import portions
from subscribers.services.workspaces import workspaces
from subscribers.wire.names import plain

NOT_ON_LIST = "not_on_list"


def join_default_lists(*, subscriber: Subscriber, now: datetime) -> list[UUID]:
    """Add an active subscriber to the workspace's default lists; returns the lists joined. The
    caller holds the subscriber's lock, and reports them to `reactions` unless an event request just
    created the subscriber. Idempotent.
    """
    list_ids = default_ids(workspace_id=subscriber.workspace_id)
    return join(subscriber=subscriber, list_ids=list_ids, now=now) if list_ids else []


def join(*, subscriber: Subscriber, list_ids: Collection[UUID], now: datetime) -> list[UUID]:
    """Add the subscriber to lists; returns those joined now, in the given order. The caller holds
    the subscriber's lock and reports to `reactions`. Idempotent.
    """
    memberships = ListMembership.objects.filter(subscriber=subscriber, list_id__in=list_ids)
    left_at_by_list = dict(memberships.values_list("list_id", "unsubscribed_at"))
    rejoined = [list_id for list_id, left_at in left_at_by_list.items() if left_at is not None]
    memberships.filter(list_id__in=rejoined).update(unsubscribed_at=None, subscribed_at=now)
    ListMembership.objects.bulk_create(
        ListMembership(
            workspace_id=subscriber.workspace_id,
            subscriber=subscriber,
            list_id=list_id,
            subscribed_at=now,
        )
        for list_id in list_ids
        if list_id not in left_at_by_list
    )
    return [each for each in list_ids if each not in left_at_by_list or each in rejoined]


def leave(*, subscriber: Subscriber, list_ids: Collection[UUID], now: datetime) -> list[UUID]:
    """End memberships; returns the lists left. The caller holds the subscriber's lock."""
    joined = ListMembership.objects.filter(
        subscriber=subscriber, list_id__in=list_ids, unsubscribed_at=None
    )
    left = list(joined.values_list("list_id", flat=True))
    joined.update(unsubscribed_at=now)
    return left


def reason_to_skip(*, subscriber: Subscriber, list_id: UUID | None) -> str | None:
    """Return the word why a subscriber gets no mail of a list; None for a member, and for mail that
    belongs to no list.
    """
    if list_id is None:
        return None
    joined = ListMembership.objects.filter(
        subscriber=subscriber, list_id=list_id, unsubscribed_at=None
    )
    return None if joined.exists() else NOT_ON_LIST


def default_ids(*, workspace_id: UUID) -> list[UUID]:
    rows = List.objects.filter(workspace_id=workspace_id, is_default=True).order_by("id")
    return list(rows.values_list("id", flat=True))


def ids_by_name(*, workspace_id: UUID) -> dict[str, UUID]:
    """Return the workspace's lists by name as stored, and by its plain form where no other list has
    that; one query.
    """
    stored = dict(List.objects.filter(workspace_id=workspace_id).values_list("name", "id"))
    return {plain(name): list_id for name, list_id in stored.items()} | stored


def save(*, changed: List) -> None:
    """Store a list and raise `config_version`, since the write path caches the default lists."""
    with transaction.atomic():
        workspaces.lock_configuration(workspace_id=changed.workspace_id)
        changed.save()
        workspaces.configuration_changed(workspace_id=changed.workspace_id)


def remove_most_members(*, chosen: List, check: Callable[[], object]) -> int:
    """Remove so many memberships that `delete` is short; outside transactions. Returns how many.
    Idempotent.

    `check` locks the list before each portion, and raises where it must stay. Those who left go
    last, with the list: without their rows they could be put on it again.
    """
    members = ListMembership.objects.filter(list=chosen, unsubscribed_at=None)
    return portions.delete_most(members, check=check)


def delete(*, chosen: List) -> None:
    """Delete a list with its memberships. One transaction, which is long where very many are on the
    list: `remove_most_members` comes before.
    """
    with transaction.atomic():
        workspaces.lock_configuration(workspace_id=chosen.workspace_id)
        # A join meanwhile waits for this lock, so no membership remains.
        List.objects.select_for_update().get(pk=chosen.pk)
        chosen.delete()
        workspaces.configuration_changed(workspace_id=chosen.workspace_id)
