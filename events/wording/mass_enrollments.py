"""The words of mass enrollments: progress, reasons, and how long they take."""

from zoneinfo import ZoneInfo

from events.models import AudienceEnrollment
from events.wording.reasons import reason_in_words

Status = AudienceEnrollment.Status
COLOURS = {
    Status.QUEUED: "info", Status.RUNNING: "info", Status.COMPLETED: "success",
    Status.CANCELLED: "warning", Status.FAILED: "danger",
}  # fmt: skip
MINUTES_AN_HOUR = 60


def progress_in_words(run: AudienceEnrollment) -> str:
    """Return how far it is, such as `1,200 of about 5,000 entered, 3 did not`."""
    if run.is_under_way and not run.is_counted and run.started_at:
        return f"counting first: {run.estimated_count or 0:,} so far"
    is_estimated = run.is_under_way and bool(run.estimated_count)
    whole = f" of about {run.estimated_count:,}" if is_estimated else ""
    skipped = f", {run.skipped_count:,} did not" if run.skipped_count else ""
    return f"{run.enrolled_count:,}{whole} entered{skipped}"


def skipped_in_words(run: AudienceEnrollment) -> list[str]:
    """Return each reason with its count, the most frequent first."""
    ordered = sorted(run.skipped_reasons.items(), key=lambda pair: -pair[1])
    return [f"{count:,}: {reason_in_words(reason)}" for reason, count in ordered]


def start_in_words(run: AudienceEnrollment) -> str:
    """Return when it begins, in the workspace's zone, with its name."""
    zone = run.workspace.timezone
    return f"{run.scheduled_for.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M} {zone}"


def spread_in_words(run: AudienceEnrollment) -> str:
    hours, minutes = divmod(run.spread_minutes, MINUTES_AN_HOUR)
    if not run.spread_minutes:
        return "all at once"
    if minutes:
        return f"evenly over {run.spread_minutes:,} minutes"
    return f"evenly over {hours} hour{'' if hours == 1 else 's'}"
