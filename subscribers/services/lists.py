"""Lists: who joins them."""

from datetime import datetime
from uuid import UUID

from subscribers.models import List, ListMembership, Subscriber


def join_default_lists(*, subscriber: Subscriber, now: datetime) -> list[UUID]:
    """Make an active subscriber a member of the workspace's default lists; returns their ids.

    The caller holds the subscriber's lock. Idempotent.
    """
    list_ids = list(
        List.objects.filter(workspace_id=subscriber.workspace_id, is_default=True)
        .order_by("id")
        .values_list("id", flat=True)
    )
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
