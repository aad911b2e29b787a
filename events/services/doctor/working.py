"""Checks of the worker: one is running, and no work is late."""

from collections.abc import Sequence

from django.db import connection

from events.services import worker_reports
from events.services.engine import away_receivers, mail_gauges
from events.services.engine import gauges as engine_gauges
from subscribers.models import OutgoingEmail
from subscribers.services.audits.audits import Audit, Check, Finding, fact
from subscribers.services.outbox import flow
from subscribers.services.workspaces import installation

AREA = "Worker"
LATE_SECONDS = 300
START = "Start one: manage.py worker (or manage.py up for all of it)."


def on_hold(audit: Audit) -> Sequence[Finding]:  # noqa: ARG001 - every check is called alike
    since = installation.on_hold_since()
    if since is None:
        return []
    what = f"This is a restored copy, on hold since {since:%Y-%m-%d %H:%M} UTC: nothing is sent"
    remedy = "Cancel in Outbox and Enrollments what must not be sent again; then manage.py resume."
    return [Finding(what=what, remedy=remedy)]


def alive(audit: Audit) -> Sequence[Finding]:
    health = worker_reports.health(now=audit.now)
    if not health.live:
        return [Finding(what=health.problem.rstrip("."), remedy=START)]
    hosts = f"{health.live} worker{'s' if health.live > 1 else ''}"
    return fact(f"{hosts}; the last heartbeat is {health.beat_age or 0:.0f} s old.")


def one_host_on_sqlite(audit: Audit) -> Sequence[Finding]:
    """Find several hosts on one SQLite file, which only one machine can use safely."""
    if connection.vendor != "sqlite":
        return []
    hosts = sorted(set(worker_reports.ticking(now=audit.now).values_list("host", flat=True)))
    if len(hosts) <= 1:
        return []
    what = f"Several hosts work on one SQLite file: {', '.join(hosts[:5])}"
    remedy = "Use PostgreSQL for more than one host (DATABASE_URL)."
    return [Finding(what=what, remedy=remedy, count=len(hosts), example=hosts[0])]


def late_enrollments(audit: Audit) -> Sequence[Finding]:
    gauges = engine_gauges.read(now=audit.now)
    if gauges.oldest_due_seconds < LATE_SECONDS:
        return fact(f"{_many(gauges.enrollments_due)} enrollments are due now.")
    return [
        Finding(
            what=f"Enrollments are due, the oldest for {gauges.oldest_due_seconds / 60:.0f} min",
            remedy=f"{START} Where one runs, it is behind: raise WORKERS or add a host.",
            count=min(gauges.enrollments_due, engine_gauges.MOST_COUNTED - 1),
            is_at_least=gauges.enrollments_due >= engine_gauges.MOST_COUNTED,
        )
    ]


def late_mail(audit: Audit) -> Sequence[Finding]:
    """Find confirmations and repeated mails that have been due for minutes."""
    due = OutgoingEmail.objects.filter(due_at__lte=audit.now, lease_token__isnull=True)
    oldest = due.order_by("due_at").first()
    if oldest is None or oldest.due_at is None:
        return []
    seconds = (audit.now - oldest.due_at).total_seconds()
    if seconds < LATE_SECONDS:
        return []
    what, example = f"Mails are due, the oldest for {seconds / 60:.0f} min", oldest.public_id
    return [Finding(what=what, remedy=START, count=1, is_at_least=True, example=example)]


def mail_flow(audit: Audit) -> Sequence[Finding]:
    gauges = mail_gauges.read(now=audit.now)
    remedy = f"Correct EMAIL_URL or the server: mail then leaves by itself. See {flow.HANDBOOK}."
    waiting = f"mails that wait: {gauges.all_waiting:,}"
    return [Finding(what=f"{stop.words}; {waiting}", remedy=remedy) for stop in gauges.stops]


def receivers(audit: Audit) -> Sequence[Finding]:  # noqa: ARG001 - every check is called alike
    remedy = "Look at the receiver: what waits is sent by itself once it answers."
    return [Finding(what=each.words, remedy=remedy) for each in away_receivers.read()]


def _many(count: int) -> str:
    most = engine_gauges.MOST_COUNTED - 1
    return f"over {most:,}" if count > most else f"{count:,}"


CHECKS = (
    Check(AREA, "hold", "The installation is not on hold.", on_hold),
    Check(AREA, "alive", "A worker is running.", alive),
    Check(AREA, "hosts", "SQLite has one host.", one_host_on_sqlite),
    Check(AREA, "enrollments", "No enrollment is late.", late_enrollments),
    Check(AREA, "mails", "No mail is late.", late_mail),
    Check(AREA, "mail flow", "Mail flows.", mail_flow),
    Check(AREA, "receivers", "Webhooks are taken.", receivers),
)
