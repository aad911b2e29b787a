"""Checks of events, their names, their counts and their failed stages."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import Exists, F, OuterRef, Q

from events.models import Event, EventCount, EventDefinition, FailedStage
from events.services.counts.roll_ups import DAY
from subscribers.ids import encode
from subscribers.models import Subscriber, Workspace
from subscribers.services.audits.audits import Audit, Check, Finding, Level, suspects

AREA = "Events"
# The worker retries within seconds, and recounts every minute.
LATE_STAGE = timedelta(minutes=10)
UNCOUNTED = timedelta(minutes=10)
DAYS_RECOUNTED = 3
MOST_NAMES = 25
NEWEST_LOOKED_AT = 1000
MOST_IN_DAY = 10_000


def foreign_events(audit: Audit) -> Sequence[Finding]:
    foreign = ~Q(workspace=F("subscriber__workspace")) | ~Q(workspace=F("definition__workspace"))
    return suspects(rows=Event.objects.all(), faulty=foreign, audit=audit).finding(
        what="Events belong to another workspace than their person or name",
        remedy="The API cannot create these: was the database changed directly? Report it.",
        prefix="evt",
    )


def orphaned_events(audit: Audit) -> Sequence[Finding]:
    nobody = ~Exists(Subscriber.objects.filter(pk=OuterRef("subscriber_id")))
    nameless = ~Exists(EventDefinition.objects.filter(pk=OuterRef("definition_id")))
    rows = Event.objects.all()
    return suspects(rows=rows, faulty=Q(nobody) | Q(nameless), audit=audit).finding(
        what="Events without their subscriber or definition",
        remedy="Was the database changed directly, or restored in part? Delete these rows.",
        prefix="evt",
    )


def full_of_names(audit: Audit) -> Sequence[Finding]:
    """Find workspaces above 90 % of MAX_DEFINITIONS."""
    limit: int = settings.MAX_DEFINITIONS
    findings: list[Finding] = []
    rows = Workspace.objects.filter(pk=audit.workspace.pk) if audit.workspace else Workspace.objects
    for workspace in rows.order_by("slug"):
        names = EventDefinition.objects.filter(workspace=workspace).order_by()
        count = names[: limit + 1].count()
        if count * 10 <= limit * 9:
            continue
        findings.append(
            Finding(
                what=f"The workspace {workspace.slug} has {count} event names of {limit} allowed",
                remedy="Does an application put ids into names? Use properties for them, or raise "
                "MAX_DEFINITIONS.",
                level=Level.PROBLEM if count > limit else Level.WARNING,
                count=count,
                is_at_least=count > limit,
                example=workspace.slug,
            )
        )
    return findings


def overdue_stages(audit: Audit) -> Sequence[Finding]:
    late = Q(next_attempt_at__lt=audit.now - LATE_STAGE)
    return suspects(rows=FailedStage.objects.all(), faulty=late, audit=audit).finding(
        what="Stages of events failed, and their retry is overdue",
        remedy="A worker retries them: start one (manage.py worker). Retries in the admin shows "
        "what went wrong.",
    )


def wrong_counts(audit: Audit) -> Sequence[Finding]:
    """Compare the counts of the last days with the events, for the latest names."""
    today = audit.now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    days = [today - DAY * back for back in range(DAYS_RECOUNTED)]
    wrong = [
        (name_id, day)
        for name_id in _latest_names(audit)
        for day in days
        if not _is_counted_right(name_id, day, audit)
    ]
    if not wrong:
        return []
    return [
        Finding(
            what="Counts of the last days are not those of the events",
            remedy="A worker counts every minute and catches up on what it missed: start one "
            "(manage.py worker), and run doctor again in a few minutes.",
            count=len(wrong),
            example=f"{encode('def', wrong[0][0])} on {wrong[0][1]:%Y-%m-%d}",
        )
    ]


def _latest_names(audit: Audit) -> list[UUID]:
    """Return the definitions of the newest events and counts, at most 25."""
    events, counts = Event.objects.all(), EventCount.objects.filter(starts_at__lte=audit.now)
    newest = events.order_by("-pk").values_list("definition_id", "workspace_id")[:NEWEST_LOOKED_AT]
    counted = counts.filter(
        unit=EventCount.Unit.DAY_OF_OCCURRENCE, starts_at__gt=audit.now - DAY * DAYS_RECOUNTED
    ).values_list("definition_id", "workspace_id")[:NEWEST_LOOKED_AT]
    mine = audit.workspace
    names = [name for name, owner in (*newest, *counted) if mine is None or owner == mine.pk]
    return list(dict.fromkeys(names))[:MOST_NAMES]


def _is_counted_right(name_id: UUID, day: datetime, audit: Audit) -> bool:
    """Tell whether a day's count is right; it may miss the last minutes."""
    occurred = Event.objects.filter(
        definition_id=name_id, occurred_at__gte=day, occurred_at__lt=day + DAY
    ).order_by()
    received = list(occurred.values_list("received_at", flat=True)[: MOST_IN_DAY + 1])
    if len(received) > MOST_IN_DAY:
        return True  # Too many to count here.
    stored = EventCount.objects.filter(
        definition_id=name_id, unit=EventCount.Unit.DAY_OF_OCCURRENCE, starts_at=day
    )
    count = stored.values_list("count", flat=True).first() or 0
    settled = sum(received_at < audit.now - UNCOUNTED for received_at in received)
    return settled <= count <= len(received)


CHECKS = (
    Check(AREA, "workspaces", "Events are of their person's workspace.", foreign_events),
    Check(AREA, "orphans", "Every event has its person and name.", orphaned_events),
    Check(AREA, "names", "No workspace is near its limit of names.", full_of_names),
    Check(AREA, "stages", "No failed stage is overdue.", overdue_stages),
    Check(AREA, "counts", "The last days are counted right.", wrong_counts),
)
