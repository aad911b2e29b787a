"""Mass enrollments: everybody of a segment enters a sequence, in the worker, in small transactions.

The segment is asked anew as people's turns come: someone who no longer matches does not enter.
People who came after the start do not enter either, so that a run ends. A run's position is stored
together with the enrollments of a batch, so that a worker that is killed enrolls nobody twice.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, QuerySet

from events.models import AudienceEnrollment, Enrollment
from events.models import Sequence as SequenceRow
from events.services.enrollments.entering import enroll, entry_step
from events.services.segments import compiling, members, segments
from events.services.segments.members import Count, Window
from events.services.sequences.sequences import NotActive
from subscribers.models import Segment, Subscriber
from subscribers.wire.payloads import InvalidRequest

Status = AudienceEnrollment.Status
# People in one transaction.
BATCH = 100
# How long one call works, far below a task's time limit.
LONGEST_CALL = timedelta(seconds=20)
LONGEST_SPREAD = timedelta(days=7)
LONGEST_DELAY = timedelta(days=365)
# An id begins with milliseconds since 1970; the bits after them are full.
TIME_SHIFT = 80


class AlreadyRunning(ValueError):
    """Another mass enrollment of the sequence is queued or running."""

    code = "CONFLICT"


class OtherWorkspace(ValueError):
    """Segment and sequence belong to different workspaces."""

    code = "CONFLICT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a run that began now would find."""

    matching: Count
    # May enter now.
    enrollable: Count
    already_enrolled: Count


def estimate(*, segment: Segment, sequence: SequenceRow, now: datetime) -> Estimate:
    """Count, and change nothing; three limited queries. Raises `TooManyReferences`."""
    rows = compiling.people(
        workspace_id=segment.workspace_id, root=segments.root_of(segment), now=now
    )
    held = Enrollment.objects.filter(sequence=sequence, subscriber=OuterRef("pk"), entry_slot="")
    return Estimate(
        matching=members.count(rows),
        enrollable=members.count(_enrollable(rows, sequence).exclude(Exists(held))),
        already_enrolled=members.count(rows.filter(Exists(held))),
    )


def _enrollable(rows: QuerySet[Subscriber], sequence: SequenceRow) -> QuerySet[Subscriber]:
    """Keep those whose status lets them in, as `entering` decides."""
    if sequence.enrollment_mode == SequenceRow.Mode.MATCHING_FIELD:
        return rows.none()
    statuses = [Subscriber.Status.ACTIVE]
    if sequence.runs_while_pending:
        statuses.append(Subscriber.Status.PENDING)
    return rows.filter(status__in=statuses)


def start(
    *,
    segment: Segment,
    sequence: SequenceRow,
    now: datetime,
    scheduled_for: datetime | None = None,
    spread: timedelta = timedelta(0),
    actor: str = "",
    estimated_count: int | None = None,
) -> AudienceEnrollment:
    """Queue a run, which the worker begins at its time, or now.

    Raises `NotActive`, `AlreadyRunning`, `OtherWorkspace`.
    """
    if segment.workspace_id != sequence.workspace_id:
        raise OtherWorkspace("The segment belongs to another workspace than the sequence.")
    entry_step(sequence)
    minutes = int(min(spread, LONGEST_SPREAD).total_seconds()) // 60
    try:
        with transaction.atomic():
            return AudienceEnrollment.objects.create(
                workspace_id=sequence.workspace_id,
                sequence=sequence,
                segment=segment,
                segment_name=segment.name,
                scheduled_for=max(now, scheduled_for or now),
                spread_minutes=minutes,
                estimated_count=0 if minutes else estimated_count,
                is_counted=not minutes,
                actor=actor,
                created_at=now,
            )
    except IntegrityError as error:
        message = (
            "A mass enrollment of this sequence is queued or running. Cancel it first, or wait."
        )
        raise AlreadyRunning(message) from error


def cancel(*, run: AudienceEnrollment, now: datetime) -> bool:
    """End a run; those who have entered stay. Returns whether it was under way."""
    rows = AudienceEnrollment.objects.filter(pk=run.pk, status__in=AudienceEnrollment.UNDER_WAY)
    is_changed = rows.update(status=Status.CANCELLED, completed_at=now, error="") > 0
    run.refresh_from_db()
    return is_changed


def advance_due(*, clock: Callable[[], datetime]) -> int:
    """Carry on each run that is due, the oldest first; returns how many people entered.

    May run twice at once: the later commit of a batch is dropped.
    """
    began = clock()
    due = AudienceEnrollment.objects.filter(
        status__in=AudienceEnrollment.UNDER_WAY, scheduled_for__lte=began
    )
    entered = 0
    for run in due.select_related("sequence", "segment").order_by("scheduled_for", "pk"):
        entered += _Advance(run, clock=clock, until=began + LONGEST_CALL).work()
    return entered


class _TakenOver(Exception):
    """Another process has moved the run on, or an operator has cancelled it."""


class _Advance:
    """One call's work on one run."""

    def __init__(
        self, run: AudienceEnrollment, *, clock: Callable[[], datetime], until: datetime
    ) -> None:
        self.run = run
        self.clock = clock
        self.until = until
        self.entered = 0

    def work(self) -> int:
        try:
            if self.run.status == Status.QUEUED:
                self._change(status=Status.RUNNING, started_at=self.clock())
            if not self.run.is_counted:
                self._count()
            if self.run.is_counted:
                self._enroll()
        except _TakenOver:
            pass
        except NotActive as error:
            # It goes on when the sequence does.
            self._note(str(error))
        except (compiling.TooManyReferences, InvalidRequest) as error:
            self._end(Status.FAILED, error=f"The segment cannot be asked: {error}")
        return self.entered

    def _count(self) -> None:
        for window in self._windows():
            counted = (self.run.estimated_count or 0) + len(window.ids)
            self._change(position=window.last, estimated_count=counted)
            if self.clock() >= self.until:
                return
        # The time to spread over begins now.
        self._change(is_counted=True, position=None, started_at=self.clock())

    def _enroll(self) -> None:
        for window in self._windows():
            for ids, position in _batches(window):
                rest = ids
                while rest:
                    part = rest[: self._allowance()]
                    if not part or self.clock() >= self.until:
                        return
                    rest = rest[len(part) :]
                    self._enter(part, position=part[-1] if rest else position)
            if not window.ids:
                self._change(position=window.last)
                if self.clock() >= self.until:
                    return
        self._end(Status.COMPLETED)

    def _windows(self) -> Iterator[Window]:
        run = self.run
        if run.segment is None:
            self._end(Status.FAILED, error="The segment was deleted.")
            raise _TakenOver
        return members.windows(
            workspace_id=run.workspace_id,
            root=segments.root_of(run.segment),
            now=self.clock(),
            after=run.position,
            up_to=_last_id_of(run.started_at or self.clock()),
        )

    def _allowance(self) -> int:
        """Return how many may enter now, when everybody is spread evenly over some time."""
        spread = self.run.spread
        if not spread:
            return BATCH
        elapsed = self.clock() - (self.run.started_at or self.clock())
        if elapsed >= spread:
            return BATCH
        due = -(-(self.run.estimated_count or 0) * elapsed // spread)
        return min(BATCH, max(0, due - self.run.processed_count))

    def _enter(self, ids: Sequence[UUID], *, position: UUID) -> None:
        """Enroll a batch and store the position with it, or neither."""
        now = self.clock()
        with transaction.atomic():
            done = enroll(
                sequence=self.run.sequence,
                subscribers=[Subscriber(pk=each) for each in ids],
                now=now,
                segment_name=self.run.segment_name,
            )
            reasons = Counter(self.run.skipped_reasons) + Counter(done.skipped.values())
            self._change(
                position=position,
                enrolled_count=self.run.enrolled_count + len(done.enrolled),
                skipped_count=self.run.skipped_count + len(ids) - len(done.enrolled),
                skipped_reasons=dict(reasons),
                error="",
            )
        self.entered += len(done.enrolled)

    def _change(self, **columns: object) -> None:
        """Store what changed, if the run is still as this process knows it."""
        run = self.run
        same = AudienceEnrollment.objects.filter(
            pk=run.pk, status=run.status, position=run.position, is_counted=run.is_counted
        )
        if not same.update(**columns):
            raise _TakenOver
        for name, value in columns.items():
            setattr(run, name, value)

    def _note(self, error: str) -> None:
        under_way = AudienceEnrollment.objects.filter(pk=self.run.pk, status=Status.RUNNING)
        under_way.update(error=error)

    def _end(self, status: str, *, error: str = "") -> None:
        self._change(status=status, error=error, completed_at=self.clock())


def _batches(window: Window) -> Iterator[tuple[list[UUID], UUID]]:
    """Yield batches of the members with the position after each."""
    for place in range(0, len(window.ids), BATCH):
        ids = window.ids[place : place + BATCH]
        yield ids, window.last if place + BATCH >= len(window.ids) else ids[-1]


def _last_id_of(moment: datetime) -> UUID:
    """Return the last id that a row made by then can have."""
    milliseconds = int(moment.timestamp() * 1000)
    return UUID(int=(milliseconds + 1 << TIME_SHIFT) - 1)
