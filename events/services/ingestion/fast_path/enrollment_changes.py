"""What a request's events do to a person's enrollments, as rows."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from events.decisions.enrollments import Ends, Start, Starts
from events.decisions.watched import Watched
from events.services.enrollments import rows


class Stop(NamedTuple):
    """Why an enrollment ends, in a word; whether it keeps its slot."""

    reason: str
    keeps_slot: bool = False


@dataclass(slots=True)
class EnrollmentChanges:
    """Filled event by event; an enrollment may begin and stop within one request."""

    begun: list[tuple[Start, UUID | None]] = field(default_factory=list)
    # By the enrollment's id: the event that released it.
    released: dict[UUID, UUID] = field(default_factory=dict)
    stopped: dict[UUID, Stop] = field(default_factory=dict)

    def note(self, *, starts: Starts, ends: Ends, event_id: UUID | None, watched: Watched) -> None:
        for start in starts.started:
            self.begun.append((start, event_id))
            if start.supersedes:
                self.stopped[start.supersedes] = Stop(rows.SUPERSEDED)
        if event_id is not None:
            self.released.update((enrollment.id, event_id) for enrollment in ends.released)
        for enrollment in ends.stopped:
            keeps_slot = watched.sequences[enrollment.sequence_id].is_one_time
            self.stopped[enrollment.id] = Stop(rows.STOP_CONDITION, keeps_slot)

    def new_rows(self, *, now: datetime) -> Iterator[dict[str, Any]]:
        """Yield the columns of new enrollments, as they are after the request."""
        for start, event_id in self.begun:
            row = {"reason": "", "ended_at": None}
            row |= rows.columns(start, now=now, event_id=event_id)
            stop = self.stopped.get(start.enrollment.id)
            if stop:
                row |= rows.stopped_columns(now=now, reason=stop.reason)
                if not stop.keeps_slot:
                    row["entry_slot"] = None
            yield row

    def changed_rows(self) -> Iterator[dict[str, Any]]:
        new_ids = {start.enrollment.id for start, _ in self.begun}
        for enrollment_id in self.released.keys() - self.stopped.keys():
            change = {"is_stopped": False, "keeps_slot": False, "reason": ""}
            yield {"id": enrollment_id, **change, "released_by": self.released[enrollment_id]}
        for enrollment_id, stop in self.stopped.items():
            if enrollment_id not in new_ids:
                change = {"is_stopped": True, **stop._asdict()}
                yield {"id": enrollment_id, **change, "released_by": None}
