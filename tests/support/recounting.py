"""Counts what steps did from the rows, one by one: what the roll-ups must say."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from events.models import Enrollment, SequenceCount, StepRun
from subscribers.ids import created_at
from subscribers.models import MailActivity, OutgoingEmail
from subscribers.models.outcome_count import NO_SEQUENCE

Key = tuple[datetime, str, str, str, str]
WAITING = ("queued", "sending")
# Of mails without a step, where the status is not the measure.
MEASURES = {"sent": "mailed", "unknown": "mailed", "sending": "queued"}


def recounted() -> Counter[Key]:
    """Return day, sequence, step, measure and reason of each row."""
    found: Counter[Key] = Counter()
    for enrollment in Enrollment.objects.select_related("step"):
        found[_day(created_at(enrollment.pk)), str(enrollment.sequence_id), "", "entered", ""] += 1
        if enrollment.ended_at:
            word = f": {enrollment.reason.split(':')[0]}" if enrollment.reason else ""
            key = enrollment.step.key if enrollment.step else ""
            why = f"{enrollment.status}{word}"
            place = (_day(enrollment.ended_at), str(enrollment.sequence_id), key)
            found[*place, "ended", why] += 1
            here = enrollment.step_runs.filter(step=enrollment.step, visit=enrollment.visit)
            found[*place, "left", ""] += not here.exists()
    for run in StepRun.objects.select_related("step", "enrollment", "email"):
        sequence_id = str(run.enrollment.sequence_id)
        found[_day(created_at(run.pk)), sequence_id, run.step.key, *_outcome(run)] += 1
    for email in OutgoingEmail.objects.exclude(cause__startswith="step:"):
        measure = MEASURES.get(email.status, email.status)
        reason = "unknown" if email.status == "unknown" else email.reason
        reason = reason if measure in {"mailed", "skipped"} else ""
        found[_day(created_at(email.pk)), str(NO_SEQUENCE), email.kind, measure, reason] += 1
    found.update(_activity())
    return +found


def _activity() -> Iterator[Key]:
    firsts: dict[tuple[str, ...], MailActivity] = {}
    for row in MailActivity.objects.exclude(kind="deferred").order_by("at", "pk"):
        firsts.setdefault((str(row.email_id), row.kind, row.quality, row.bounce_type), row)
    for row in firsts.values():
        what = (row.kind, row.quality or row.bounce_type)
        run = StepRun.objects.filter(email=row.email_id).first()
        if run is not None:
            yield _day(row.at), str(run.enrollment.sequence_id), run.step.key, *what
        elif not row.email.cause.startswith("step:"):
            yield _day(row.at), str(NO_SEQUENCE), row.email.kind, *what


def rolled_up(unit: str = "day") -> Counter[Key]:
    """Return what is stored, in the same form; hours are added up by their day."""
    found: Counter[Key] = Counter()
    for row in SequenceCount.objects.filter(unit=unit):
        place = (str(row.sequence_id), row.step_key)
        found[_day(row.starts_at), *place, row.measure, row.reason] += row.count
    return found


def _outcome(run: StepRun) -> tuple[str, str]:
    return _of_mail(run) if run.step.kind == "email" else _of_step(run)


def _of_mail(run: StepRun) -> tuple[str, str]:
    status = run.email.status if run.email else ""
    if status == "sent":
        return "mailed", ""
    if run.status == "skipped":
        return "skipped", run.outcome.get("reason", "")
    if status in WAITING:
        return "queued", ""
    if run.status == "failed":
        return "failed", ""
    return "mailed", "unknown" if run.outcome.get("email") == "unknown" else ""


def _of_step(run: StepRun) -> tuple[str, str]:
    said = run.outcome
    if run.status != "done":
        return f"step_{run.status}", said.get("reason", "") if run.status == "skipped" else ""
    if "timedOut" in said or "event" in said:
        return "timed_out" if "timedOut" in said else "came", ""
    if "isMet" in said:
        return "yes" if said["isMet"] else "no", ""
    if "branch" in said:
        return "branch", said["branch"]
    return "done", said.get("reason", "")


def _day(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)
