"""What was lost: enrollments that failed, and mails that failed while their enrollment went on.

Read from the rows, newest first and only so many, so that a loss that is repaired is gone.
A retried enrollment carries its step out again, as the current version has it where it can move
there: a corrected template is a new version. A retried mail is sent, and moves nothing. Mails
whose delivery is unknown are left alone: they may have arrived.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import F, Q, QuerySet, Value
from django.db.models.functions import Coalesce
from django.db.models.lookups import GreaterThanOrEqual

from events.models import Enrollment, Step, StepRun
from events.models import Sequence as SequenceRow
from events.services.engine.rounds import GAVE_UP
from events.services.enrollments import by_operator, moving
from subscribers.models import OutgoingEmail, Subscriber, Workspace
from subscribers.services.outbox import outbox
from subscribers.services.storage import moments

# A longer list is counted as "at least"; a page that names them among other things reads fewer.
MOST_READ = 2000
MOST_SHOWN = 500
# The latest losses are an alarm.
RECENT = timedelta(days=7)
# How often the log names a sequence that goes on failing.
BETWEEN_WARNINGS = timedelta(hours=1)
TEMPLATE_ERROR, MAIL_FAILED, WEBHOOK_FAILED = "template_error", "mail_failed", "webhook_failed"
LONGEST_ERROR = 120
REASONS = (TEMPLATE_ERROR, MAIL_FAILED, WEBHOOK_FAILED, GAVE_UP)
FAILED = Enrollment.Status.FAILED
ENROLLMENT_COLUMNS = (
    "pk", "sequence_id", "step_id", "last_error", "at", "is_recent", "has_mail",
)  # fmt: skip
RUN_COLUMNS = (
    "enrollment_id", "enrollment__sequence_id", "enrollment__status", "enrollment__step_id",
    "step_id", "error", "at", "is_recent", "email_id",
)  # fmt: skip
OUT_OF_REACH = (Subscriber.Status.BOUNCED, Subscriber.Status.COMPLAINED)


class Lost(NamedTuple):
    """An enrollment that failed or, with an `email_id`, a mail whose enrollment went on."""

    enrollment_id: UUID
    sequence_id: UUID
    step_id: UUID
    step_position: int
    reason: str
    error: str
    # As a text: see `moments`.
    at: str
    email_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """The losses of one step for one reason; `is_at_least`: there are older ones."""

    sequence: SequenceRow
    step_position: int
    reason: str
    count: int
    since: datetime
    latest_at: datetime
    # Of the latest, shortened.
    error: str
    example: UUID
    is_at_least: bool = False


@dataclass(frozen=True, slots=True)
class Retried:
    """How many go on or leave, and how many could not, since the person has entered again."""

    retried: int
    left: int


def losses(
    *,
    now: datetime,
    workspace: Workspace | None = None,
    sequence: SequenceRow | None = None,
    most: int = MOST_READ,
) -> list[Loss]:
    """Return what was lost in the last days, the newest first; four queries.

    Of enrollments and of mails the latest `most` are looked at.
    """
    found, is_cut = _lost(workspace=workspace, sequence=sequence, since=now - RECENT, most=most)
    groups: dict[tuple[UUID, int, str], list[Lost]] = {}
    for each in found:
        groups.setdefault((each.sequence_id, each.step_position, each.reason), []).append(each)
    sequences = SequenceRow.objects.select_related("workspace").in_bulk({key[0] for key in groups})
    listed = [
        _loss(sequences[sequence_id], group, is_at_least=is_cut)
        for (sequence_id, _position, _reason), group in groups.items()
    ]
    return sorted(listed, key=lambda each: each.since, reverse=True)


def has_losses(*, sequence: SequenceRow, now: datetime) -> bool:
    """Tell whether `losses` of a sequence would return something; two short look-ups."""
    since = now - RECENT
    ended = Q(ended_at__gte=since) | Q(ended_at=None, updated_at__gte=since)
    if _enrollments(None, sequence).filter(ended).exists():
        return True
    done = Q(ended_at__gte=since) | Q(ended_at=None, started_at__gte=since)
    told = Q(enrollment__status=FAILED, enrollment__step=F("step"))
    return _runs(None, sequence).filter(done).exclude(told).exists()


def count_by_reason(*, now: datetime) -> Counter[str]:
    """Count what was lost in the last days, with a zero for each reason that has none."""
    counts = Counter(dict.fromkeys(REASONS, 0))
    for each in losses(now=now):
        counts[each.reason] += each.count
    return counts


def newly_lost(*, now: datetime) -> list[Loss]:
    """Return the losses to warn of: those of sequences that lost something since the last warning.

    A sequence is named once an hour at most, and to one of several callers at the same time.
    """
    fresh = [
        each
        for each in losses(now=now)
        if each.sequence.losses_told_at is None or each.latest_at > each.sequence.losses_told_at
    ]
    is_silent = Q(losses_told_at=None) | Q(losses_told_at__lte=now - BETWEEN_WARNINGS)
    silent = SequenceRow.objects.filter(is_silent)
    told = {
        sequence_id
        for sequence_id in {each.sequence.pk for each in fresh}
        if silent.filter(pk=sequence_id).update(losses_told_at=now)
    }
    return [each for each in fresh if each.sequence.pk in told]


def retry_all(
    *,
    sequence: SequenceRow,
    now: datetime,
    reason: str = "",
    since: datetime | None = None,
    spread: timedelta = timedelta(0),
) -> Retried:
    """Retry up to `MOST_READ` losses of a sequence, spread evenly over some time; the rest at the
    next call. A transaction for each person; what was retried meanwhile is left alone.
    """
    found = chosen(sequence=sequence, reason=reason, since=since)
    step_ids = {each.step_id for each in found if not each.email_id}
    targets = moving.targets(sequence=sequence, step_ids=step_ids)
    counts: Counter[bool] = Counter()
    for number, lost in enumerate(found):
        due_at = now + spread * number / len(found)
        counts[_retry(lost, targets.get(lost.step_id), due_at=due_at, now=now)] += 1
    return Retried(retried=counts[True], left=counts[False])


def chosen(
    *, sequence: SequenceRow, reason: str = "", since: datetime | None = None
) -> Sequence[Lost]:
    """Return what `retry_all` would retry."""
    found, _is_cut = _lost(sequence=sequence, since=since)
    return [each for each in found if reason in {"", each.reason}]


def _loss(sequence: SequenceRow, group: Sequence[Lost], *, is_at_least: bool) -> Loss:
    latest = max(group, key=lambda each: each.at)
    return Loss(
        sequence=sequence,
        step_position=latest.step_position,
        reason=latest.reason,
        count=len(group),
        since=moments.from_text(min(each.at for each in group)),
        latest_at=moments.from_text(latest.at),
        error=latest.error[:LONGEST_ERROR],
        example=group[0].enrollment_id,
        is_at_least=is_at_least,
    )


def _retry(lost: Lost, target: Step | None, *, due_at: datetime, now: datetime) -> bool:
    try:
        if lost.email_id:
            outbox.send_again(
                email=OutgoingEmail.objects.get(pk=lost.email_id), now=now, due_at=due_at
            )
        else:
            enrollment = Enrollment.objects.get(pk=lost.enrollment_id)
            by_operator.retry(enrollment=enrollment, now=now, due_at=due_at, target=target)
    except (
        by_operator.NotFailed, by_operator.AlreadyEnrolled, outbox.NotSettled,
        Enrollment.DoesNotExist, OutgoingEmail.DoesNotExist,
    ):  # fmt: skip
        return False
    return True


def _lost(
    *,
    workspace: Workspace | None = None,
    sequence: SequenceRow | None = None,
    since: datetime | None,
    most: int = MOST_READ,
) -> tuple[list[Lost], bool]:
    """Return what was lost, and whether there may be more."""
    if sequence:
        workspace = sequence.workspace
    # Columns, not rows, and none of the steps: thousands name a few.
    enrollments = list(
        _with_moment(_enrollments(workspace, sequence), "updated_at", since)
        .annotate(has_mail=moving.has_mail())
        .values_list(*ENROLLMENT_COLUMNS, named=True)[:most]
    )
    runs = list(
        _with_moment(_runs(workspace, sequence, most=most), "started_at", since)
        .order_by("-pk")
        .values_list(*RUN_COLUMNS, named=True)[:most]
    )
    steps = Step.objects.filter(pk__in={row.step_id for row in (*enrollments, *runs)})
    step_by_id = {row.pk: row for row in steps.only("kind", "position")}
    found = [
        *(_of_enrollment(row, step_by_id[row.step_id]) for row in enrollments if row.is_recent),
        # Where the enrollment failed at this very step, it is the loss.
        *(
            _of_mail(row, step_by_id[row.step_id])
            for row in runs
            if row.is_recent
            and (row.enrollment__status != FAILED or row.enrollment__step_id != row.step_id)
        ),
    ]
    return found, most in {len(enrollments), len(runs)}


def _with_moment(rows: Any, begun: str, since: datetime | None) -> Any:  # noqa: ANN401 - querysets
    """Add when it was lost, and whether since then: of the rows read, not of all."""
    ended = Coalesce("ended_at", begun)
    is_recent = GreaterThanOrEqual(ended, since) if since else Value(value=True)
    return rows.annotate(at=moments.as_text(ended), is_recent=is_recent)


def _of_enrollment(row: Any, step: Step) -> Lost:  # noqa: ANN401 - a row of columns
    return Lost(
        enrollment_id=row.pk,
        sequence_id=row.sequence_id,
        step_id=row.step_id,
        step_position=step.position,
        reason=_reason(step.kind, has_mail=row.has_mail),
        error=row.last_error,
        at=row.at,
    )


def _of_mail(run: Any, step: Step) -> Lost:  # noqa: ANN401 - a row of columns
    """Return the failed mail of a step that its enrollment has passed."""
    return Lost(
        enrollment_id=run.enrollment_id,
        sequence_id=run.enrollment__sequence_id,
        step_id=run.step_id,
        step_position=step.position,
        reason=MAIL_FAILED,
        error=run.error,
        at=run.at,
        email_id=run.email_id,
    )


def _enrollments(workspace: Workspace | None, sequence: SequenceRow | None) -> QuerySet[Enrollment]:
    """Return them, the newest first.

    Without a sequence by a range of one status, since only the index of it has that order:
    PostgreSQL takes the primary key for quicker, and passes twenty rows for each that failed.
    """
    rows = Enrollment.objects.filter(step__isnull=False)
    if workspace:
        rows = rows.filter(workspace=workspace)
    rows = rows.exclude(subscriber__status__in=OUT_OF_REACH)
    if sequence:
        return rows.filter(sequence=sequence, status=FAILED).order_by("-pk")
    return rows.filter(status__range=(FAILED, FAILED)).order_by("status", "-pk")


def _runs(
    workspace: Workspace | None, sequence: SequenceRow | None, *, most: int = MOST_READ
) -> QuerySet[StepRun]:
    """Return the steps that ended with one of the latest failed mails."""
    mails = OutgoingEmail.objects.filter(status=OutgoingEmail.Status.FAILED, due_at=None)
    if workspace:
        mails = mails.filter(workspace=workspace)
    mails = mails.exclude(subscriber__status__in=OUT_OF_REACH)
    runs = StepRun.objects.filter(
        status=StepRun.Status.FAILED, email__in=mails.order_by("-pk").values("pk")[:most]
    )
    return runs.filter(enrollment__sequence=sequence) if sequence else runs


def _reason(kind: str, *, has_mail: bool) -> str:
    match kind:
        case "email":
            return MAIL_FAILED if has_mail else TEMPLATE_ERROR
        case "webhook":
            return WEBHOOK_FAILED
        case _:
            return GAVE_UP
