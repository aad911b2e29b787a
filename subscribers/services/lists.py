"""Lists: who joins them, and their settings."""

from datetime import datetime
from uuid import UUID

from django.db import transaction

from subscribers.models import List, ListMembership, Subscriber
from subscribers.services import workspaces


def join_default_lists(*, subscriber: Subscriber, now: datetime) -> list[UUID]:
    """Make an active subscriber a member of the workspace's default lists; returns their ids.

    The caller holds the subscriber's lock. Idempotent.
    """
    list_ids = default_ids(workspace_id=subscriber.workspace_id)
    ListMembership.objects.bulk_create(
        [
            ListMembership(
                workspace_id=subscriber.workspace_id,
                subscriber=subscriber,
                list_id=list_id,
                subscribed_at=now,
            )
            for list_id in list_ids
        ],
        ignore_conflicts=True,
    )
    return list_ids


def default_ids(*, workspace_id: UUID) -> list[UUID]:
    """Return the ids of the workspace's default lists."""
    rows = List.objects.filter(workspace_id=workspace_id, is_default=True).order_by("id")
    return list(rows.values_list("id", flat=True))


def save(*, changed: List) -> None:
    """Store a new or changed list; the write path may remember which lists are the default ones."""
    with transaction.atomic():
        changed.save()
        workspaces.configuration_changed(workspace_id=changed.workspace_id)


def delete(*, chosen: List) -> None:
    """Delete a list and its memberships; the people stay."""
    with transaction.atomic():
        # Who joins it meanwhile waits for this lock, so no membership is left behind.
        List.objects.select_for_update().get(pk=chosen.pk)
        chosen.delete()
        workspaces.configuration_changed(workspace_id=chosen.workspace_id)
