"""Counts what steps did in a span of time, from the rows: each row in the span of its id.

Only an enrollment's end and the activity of a mail have a time of their own. A mail counts where
its step run was written, which is when it left; one without a step where it was created.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import Count, Exists, Model, OuterRef, QuerySet
from django.db.models.fields.json import KT

from events.models import Enrollment, SequenceCount, Step, StepRun
from events.services.counts import mail_activity
from events.services.counts.roll_ups import first_id_at
from subscribers.models import OutgoingEmail
from subscribers.models.outcome_count import NO_SEQUENCE

Measure = SequenceCount.Measure
EmailStatus = OutgoingEmail.Status
LONGEST_REASON = 100
MOST_IDS = 500
# Of a mail that will be sent, once more perhaps.
ON_ITS_WAY = (EmailStatus.QUEUED, EmailStatus.SENDING)


class Bucket(NamedTuple):
    workspace_id: UUID
    sequence_id: UUID
    step_key: str
    measure: str
    reason: str


Found = Iterator[tuple[Bucket, int]]


def count(start: datetime, end: datetime) -> Counter[Bucket]:
    """Count a span, its end excluded; a handful of statements, each of its own moment."""
    found: Counter[Bucket] = Counter()
    for source in SOURCES:
        for bucket, number in source(start, end):
            found[bucket._replace(reason=bucket.reason[:LONGEST_REASON])] += number
    return found


def _entered(start: datetime, end: datetime) -> Found:
    rows = created(Enrollment, start, end).values_list("workspace_id", "sequence_id")
    for workspace_id, sequence_id, number in rows.annotate(number=Count("pk")):
        yield Bucket(workspace_id, sequence_id, "", Measure.ENTERED, ""), number


def _ended(start: datetime, end: datetime) -> Found:
    runs = StepRun.objects.filter(
        enrollment=OuterRef("pk"), step=OuterRef("step"), visit=OuterRef("visit")
    )
    ended = Enrollment.objects.filter(ended_at__gte=start, ended_at__lt=end).order_by()
    rows = ended.annotate(is_done=Exists(runs)).values_list(
        "workspace_id", "sequence_id", "step__key", "status", "reason", "is_done"
    )
    counted = rows.annotate(number=Count("pk"))
    for workspace_id, sequence_id, key, status, reason, is_done, number in counted:
        word = reason.partition(":")[0].strip()
        words = f"{status}: {word}" if word else status
        bucket = Bucket(workspace_id, sequence_id, key or "", Measure.ENDED, words)
        yield bucket, number
        if not is_done:
            yield bucket._replace(measure=Measure.LEFT, reason=""), number


def _done(start: datetime, end: datetime) -> Found:
    words = ("reason", "timedOut", "isMet", "branch", "email")
    done = created(StepRun, start, end).values_list(
        "step_id", "status", "email__status", *(KT(f"outcome__{word}") for word in words)
    )
    rows = list(done.annotate(number=Count("pk")))
    places = _places({row[0] for row in rows})
    for step_id, status, email_status, *said, number in rows:
        place = places[step_id]
        run = _Run(status, email_status, *said)
        measure, reason = _of_mail(run) if place.is_mail else _of_step(run, place.kind)
        yield Bucket(place.workspace_id, place.sequence_id, place.key, measure, reason), number


def _other_mails(start: datetime, end: datetime) -> Found:
    mails = created(OutgoingEmail, start, end).exclude(
        cause__startswith=Enrollment.MAIL_CAUSE_PREFIX
    )
    rows = mails.values_list("workspace_id", "kind", "status", "reason")
    for workspace_id, kind, status, reason, number in rows.annotate(number=Count("pk")):
        measure, word = _of_other_mail(status, reason)
        yield Bucket(workspace_id, NO_SEQUENCE, kind, measure, word), number


def _after_sending(start: datetime, end: datetime) -> Found:
    for fact, number in mail_activity.counts(since=start, until=end).items():
        if fact.kind in Measure:
            yield Bucket(*fact), number


SOURCES: tuple[Callable[[datetime, datetime], Found], ...] = (
    _entered, _ended, _done, _other_mails, _after_sending,
)  # fmt: skip


def created(model: type[Model], start: datetime, end: datetime) -> QuerySet[Any]:
    """Return the rows that were created in a span, by their ids."""
    rows = model._default_manager.filter(pk__gte=first_id_at(start), pk__lt=first_id_at(end))
    return rows.order_by()


@dataclass(frozen=True, slots=True)
class _Run:
    status: str
    email_status: str | None
    reason: str | None
    timed_out: str | None
    is_met: str | None
    branch: str | None
    email: str | None


@dataclass(frozen=True, slots=True)
class _Place:
    workspace_id: UUID
    sequence_id: UUID
    key: str
    kind: str

    @property
    def is_mail(self) -> bool:
        return self.kind == Step.Kind.EMAIL


def _places(step_ids: set[UUID]) -> dict[UUID, _Place]:
    places: dict[UUID, _Place] = {}
    ids = sorted(step_ids)
    for first in range(0, len(ids), MOST_IDS):
        steps = Step.objects.filter(pk__in=ids[first : first + MOST_IDS])
        rows = steps.values_list("pk", "workspace_id", "version__sequence_id", "key", "kind")
        places |= {row[0]: _Place(*row[1:]) for row in rows}
    return places


def _of_mail(run: _Run) -> tuple[Measure, str]:
    """Say what became of a step's mail, which may be sent, or sent again, after the step."""
    if run.email_status == EmailStatus.SENT:
        return Measure.MAILED, ""
    if run.status == StepRun.Status.SKIPPED:
        return Measure.SKIPPED, run.reason or ""
    if run.email_status in ON_ITS_WAY:
        return Measure.QUEUED, ""
    if run.status == StepRun.Status.FAILED:
        return Measure.FAILED, ""
    return Measure.MAILED, "unknown" if run.email == EmailStatus.UNKNOWN else ""


def _of_other_mail(status: str, reason: str) -> tuple[Measure, str]:
    if status in ON_ITS_WAY:
        return Measure.QUEUED, ""
    if status == EmailStatus.SKIPPED:
        return Measure.SKIPPED, reason
    if status == EmailStatus.FAILED:
        return Measure.FAILED, ""
    return Measure.MAILED, "unknown" if status == EmailStatus.UNKNOWN else ""


def _of_step(run: _Run, kind: str) -> tuple[Measure, str]:
    if run.status == StepRun.Status.SKIPPED:
        return Measure.STEP_SKIPPED, run.reason or ""
    if run.status == StepRun.Status.FAILED:
        return Measure.STEP_FAILED, ""
    if kind == Step.Kind.WAIT_FOR_EVENT:
        return (Measure.TIMED_OUT if run.timed_out else Measure.CAME), ""
    if kind == Step.Kind.CONDITION:
        return (Measure.MET if run.is_met == "true" else Measure.UNMET), ""
    if kind == Step.Kind.SPLIT:
        return Measure.BRANCH, run.branch or ""
    return Measure.DONE, run.reason or ""
