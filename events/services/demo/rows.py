"""The rows of a demo until they are stored, and the storing."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from uuid import UUID

from django.db.models import Model

from events.models import Enrollment, Event, EventCount, StepRun
from events.services.demo.ids import PastIds
from events.services.engine.claimed import Shared
from subscribers.models import (
    AskedAddress,
    Confirmation,
    ConsentRecord,
    ListMembership,
    OutgoingEmail,
    Subscriber,
    SubscriberTag,
    Suppression,
)

ROWS_IN_STATEMENT = 500


@dataclass(slots=True)
class Rows:
    """What was made so far; models without a list here are stored by who makes them."""

    random: Random
    ids: PastIds
    # Enrollments of the demo look at their life; the engine's class wants one.
    shared: Shared = field(default_factory=lambda: Shared(subscriber_ids=[], event_ids=[]))
    subscribers: list[Subscriber] = field(default_factory=list)
    tags: list[SubscriberTag] = field(default_factory=list)
    memberships: list[ListMembership] = field(default_factory=list)
    confirmations: list[Confirmation] = field(default_factory=list)
    asked: list[AskedAddress] = field(default_factory=list)
    suppressions: list[Suppression] = field(default_factory=list)
    emails: list[OutgoingEmail] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    enrollments: list[Enrollment] = field(default_factory=list)
    step_runs: list[StepRun] = field(default_factory=list)
    ledger: list[ConsentRecord] = field(default_factory=list)

    def store(self) -> None:
        """Insert all of it, people first; in the caller's transaction."""
        _insert(self.subscribers)
        for rows in (
            self.tags,
            self.memberships,
            self.confirmations,
            self.asked,
            self.suppressions,
            self.emails,
            self.events,
            self.enrollments,
            self.step_runs,
            self.ledger,
        ):
            _insert(rows)
        _insert(self._counts())

    def _counts(self) -> list[EventCount]:
        """Return the events by hour of receipt and by day of occurrence."""
        owners: dict[UUID, UUID] = {}
        counts: Counter[tuple[str, UUID, datetime]] = Counter()
        for event in self.events:
            owners[event.definition_id] = event.workspace_id
            hour = event.received_at.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
            day = event.occurred_at.astimezone(UTC).replace(
                hour=0, minute=0, second=0, microsecond=0
            )
            counts[EventCount.Unit.HOUR_OF_RECEIPT.value, event.definition_id, hour] += 1
            counts[EventCount.Unit.DAY_OF_OCCURRENCE.value, event.definition_id, day] += 1
        return [
            EventCount(
                workspace_id=owners[definition_id],
                definition_id=definition_id,
                unit=unit,
                starts_at=starts_at,
                count=count,
            )
            for (unit, definition_id, starts_at), count in sorted(counts.items())
        ]


def _insert(rows: Sequence[Model]) -> None:
    if rows:
        type(rows[0])._default_manager.bulk_create(rows, batch_size=ROWS_IN_STATEMENT)
