"""What a request's events do to a person's enrollments, all together, as rows."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from events.decisions.enrollments import Ends, Start, Starts
from events.decisions.watched import Watched
from events.services.enrollments import rows


@dataclass(slots=True)
class EnrollmentChanges:
    """Filled event by event, in order; an enrollment may begin and stop within one request."""

    begun: list[tuple[Start, UUID | None]] = field(default_factory=list)
    # The event that released an enrollment, and whether a stopped one keeps its slot; by the
    # enrollment's id.
    released: dict[UUID, UUID] = field(default_factory=dict)
    stopped: dict[UUID, bool] = field(default_factory=dict)

    def note(self, *, starts: Starts, ends: Ends, event_id: UUID | None, watched: Watched) -> None:
        """Add what one event does."""
        self.begun += [(start, event_id) for start in starts.started]
        if event_id is not None:
            self.released.update((enrollment.id, event_id) for enrollment in ends.released)
        for enrollment in ends.stopped:
            self.stopped[enrollment.id] = watched.sequences[enrollment.sequence_id].is_one_time

    def new_rows(self, *, now: datetime) -> Iterator[dict[str, Any]]:
        """Yield the columns of enrollments that begin, as they are after the request."""
        for start, event_id in self.begun:
            row = {"reason": "", "ended_at": None}
            row |= rows.columns(start, now=now, event_id=event_id)
            if start.enrollment.id in self.stopped:
                row |= rows.stopped_columns(now=now)
                if not self.stopped[start.enrollment.id]:
                    row["entry_slot"] = None
            yield row

    def changed_rows(self) -> Iterator[dict[str, Any]]:
        """Yield what happens to enrollments that were there before the request."""
        new_ids = {start.enrollment.id for start, _ in self.begun}
        for enrollment_id in self.released.keys() - self.stopped.keys():
            yield _change(enrollment_id, released_by=self.released[enrollment_id])
        for enrollment_id, keeps_slot in self.stopped.items():
            if enrollment_id not in new_ids:
                yield _change(enrollment_id, is_stopped=True, keeps_slot=keeps_slot)


def _change(
    enrollment_id: UUID,
    *,
    is_stopped: bool = False,
    keeps_slot: bool = False,
    released_by: UUID | None = None,
) -> dict[str, Any]:
    return {
        "id": enrollment_id,
        "is_stopped": is_stopped,
        "keeps_slot": keeps_slot,
        "released_by": released_by,
    }
