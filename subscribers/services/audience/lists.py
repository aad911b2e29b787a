"""Lists: who joins them, and their settings."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from django.db import transaction

from subscribers.models import List, ListMembership, Subscriber
from subscribers.services.workspaces import workspaces


def join_default_lists(*, subscriber: Subscriber, now: datetime) -> list[UUID]:
    """Make an active subscriber a member of the workspace's default lists; returns the new ones.

    The caller holds the subscriber's lock, and tells `reactions` of them unless the person is new
    by a request for events. Idempotent.
    """
    list_ids = default_ids(workspace_id=subscriber.workspace_id)
    return join(subscriber=subscriber, list_ids=list_ids, now=now) if list_ids else []


def join(*, subscriber: Subscriber, list_ids: Collection[UUID], now: datetime) -> list[UUID]:
    """Make the subscriber a member; returns the lists that they were not on before, in order.

    The caller holds the subscriber's lock, and tells `reactions` of what was joined. Idempotent.
    """
    memberships = ListMembership.objects.filter(subscriber=subscriber, list_id__in=list_ids)
    since_left = dict(memberships.values_list("list_id", "unsubscribed_at"))
    back = [list_id for list_id, left_at in since_left.items() if left_at is not None]
    memberships.filter(list_id__in=back).update(unsubscribed_at=None, subscribed_at=now)
    ListMembership.objects.bulk_create(
        ListMembership(
            workspace_id=subscriber.workspace_id,
            subscriber=subscriber,
            list_id=list_id,
            subscribed_at=now,
        )
        for list_id in list_ids
        if list_id not in since_left
    )
    return [each for each in list_ids if each not in since_left or each in back]


def leave(*, subscriber: Subscriber, list_ids: Collection[UUID], now: datetime) -> list[UUID]:
    """End memberships, which stay as rows; returns the lists that the subscriber was on.

    The caller holds the subscriber's lock. Idempotent.
    """
    joined = ListMembership.objects.filter(
        subscriber=subscriber, list_id__in=list_ids, unsubscribed_at=None
    )
    left = list(joined.values_list("list_id", flat=True))
    joined.update(unsubscribed_at=now)
    return left


def default_ids(*, workspace_id: UUID) -> list[UUID]:
    """Return the ids of the workspace's default lists."""
    rows = List.objects.filter(workspace_id=workspace_id, is_default=True).order_by("id")
    return list(rows.values_list("id", flat=True))


def save(*, changed: List) -> None:
    """Store a new or changed list; the write path may remember which lists are the default ones."""
    with transaction.atomic():
        workspaces.lock_configuration(workspace_id=changed.workspace_id)
        changed.save()
        workspaces.configuration_changed(workspace_id=changed.workspace_id)


def delete(*, chosen: List) -> None:
    """Delete a list and its memberships; the people stay."""
    with transaction.atomic():
        workspaces.lock_configuration(workspace_id=chosen.workspace_id)
        # Who joins it meanwhile waits for this lock, so no membership is left behind.
        List.objects.select_for_update().get(pk=chosen.pk)
        chosen.delete()
        workspaces.configuration_changed(workspace_id=chosen.workspace_id)
