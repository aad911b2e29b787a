"""Tells enrollments of what happens to the audience.

The one implementation of `subscribers.reactions`.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from events.services.enrollments import audience_changes
from events.services.people import erasing, merging
from subscribers.reactions import Moved


class EnrollmentsReact:
    """Hands each report on to the services; `EventsConfig` installs it."""

    def confirmed(self, *, subscriber_ids: Sequence[UUID], now: datetime) -> None:
        """Let the enrollments that waited for the confirmation begin."""
        audience_changes.confirmed(subscriber_ids=subscriber_ids, now=now)

    def gave_up(self, *, subscriber_ids: Sequence[UUID], now: datetime) -> None:
        """End the enrollments that waited for the confirmation."""
        audience_changes.gave_up(subscriber_ids=subscriber_ids, now=now)

    def left(self, *, subscriber_ids: Sequence[UUID], now: datetime) -> None:
        """Stop enrollments, but for those with transactional mail to come."""
        audience_changes.left(subscriber_ids=subscriber_ids, now=now)

    def suppressed(self, *, subscriber_ids: Sequence[UUID], now: datetime) -> None:
        """Stop all enrollments."""
        audience_changes.suppressed(subscriber_ids=subscriber_ids, now=now)

    def tags_added(
        self,
        *,
        subscriber_ids: Sequence[UUID],
        tag_ids: Sequence[UUID],
        now: datetime,
        depth: int = 0,
        is_test: bool = False,
    ) -> None:
        """Start and stop by the tags."""
        audience_changes.tags_added(
            subscriber_ids=subscriber_ids, tag_ids=tag_ids, now=now, depth=depth, is_test=is_test
        )

    def list_joined(
        self,
        *,
        subscriber_ids: Sequence[UUID],
        list_ids: Sequence[UUID],
        now: datetime,
        depth: int = 0,
        is_test: bool = False,
    ) -> None:
        """Start by the lists."""
        audience_changes.list_joined(
            subscriber_ids=subscriber_ids, list_ids=list_ids, now=now, depth=depth, is_test=is_test
        )

    def email_settled(self, *, email_ids: Sequence[UUID], now: datetime) -> None:
        """Do nothing: an enrollment goes on when nobody knows of its mail, and the mail's row says
        it.
        """

    def erasing(self, *, subscriber_ids: Sequence[UUID]) -> int:
        """Delete their enrollments, and the events that are left."""
        return erasing.erase(subscriber_ids=subscriber_ids)

    def erasing_some(self, *, subscriber_id: UUID) -> int:
        """Delete their enrollments, and the oldest of their events."""
        return erasing.erase_some(subscriber_id=subscriber_id)

    def merging(self, *, kept_id: UUID, gone_id: UUID, is_held: bool, now: datetime) -> Moved:
        """Move events and enrollments."""
        return merging.merge(kept_id=kept_id, gone_id=gone_id, is_held=is_held, now=now)
