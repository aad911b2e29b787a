"""The figures of the System page: hosts, queues, sizes, versions; all of the installation."""

import platform
import shutil
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache

import django
from django.conf import settings
from django.db import connection
from django.db.models import F

from events.models import Event, SystemDay, Worker
from events.services import worker_reports
from events.services.counts import sizes
from events.services.counts.sizes import TableSize
from events.services.engine import gauges, mail_gauges
from events.services.engine.gauges import Gauges
from events.services.engine.mail_gauges import MailGauges
from subscribers.models import OutgoingEmail
from subscribers.services.outbox import flow

MOST_WORKERS = 50
DAYS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemFigures:
    """`disk_free` and `disk_total` are of DATA_DIR; None where it cannot be asked."""

    workers: Sequence[Worker]
    health: worker_reports.Health
    work: Gauges
    mail: MailGauges
    oldest_queued: datetime | None
    server: str
    database_bytes: int
    tables: Sequence[TableSize]
    days: dict[date, SystemDay]
    oldest_event: datetime | None
    disk_free: int | None
    disk_total: int | None


def read(*, now: datetime) -> SystemFigures:
    """Return the figures; as many statements however much there is."""
    workers = Worker.objects.order_by(F("ticked_at").desc(nulls_last=True), "-pk")
    queued = OutgoingEmail.objects.filter(status=OutgoingEmail.Status.QUEUED)
    disk = _disk()
    return SystemFigures(
        workers=list(workers[:MOST_WORKERS]),
        health=worker_reports.health(now=now),
        work=gauges.read(now=now),
        mail=mail_gauges.read(now=now),
        oldest_queued=queued.order_by("pk").values_list("created_at", flat=True).first(),
        server=flow.server_name(),
        database_bytes=sizes.database_bytes(),
        tables=sizes.tables(),
        days=dict(sizes.days(now=now, count=DAYS)),
        oldest_event=Event.objects.order_by("pk").values_list("received_at", flat=True).first(),
        disk_free=disk[0] if disk else None,
        disk_total=disk[1] if disk else None,
    )


def versions() -> list[tuple[str, str]]:
    database = ".".join(map(str, connection.get_database_version()))
    return [
        ("Cueline", _own_version()),
        ("Python", platform.python_version()),
        ("Django", django.get_version()),
        (connection.display_name, database),
    ]


def kept() -> list[tuple[str, str]]:
    """Return how long rows are kept: what, and the setting with its value."""
    return [
        ("Counts by hour", _days("HOUR_COUNT_RETENTION_DAYS", settings.HOUR_COUNT_RETENTION)),
        ("Reports of workers", _days("WORKER_RETENTION_DAYS", settings.WORKER_RETENTION)),
        ("Results of failed tasks", _days("TASK_RETENTION_DAYS", settings.TASK_RETENTION)),
        (
            "Answers for an Idempotency-Key",
            _hours("IDEMPOTENCY_RETENTION_HOURS", settings.IDEMPOTENCY_RETENTION),
        ),
        ("Events, mails, enrollments and the ledger", "for ever (prune_events deletes old events)"),
    ]


def chosen_settings() -> list[tuple[str, str]]:
    """Return the settings that explain what one sees; none of them is a secret."""
    allow = settings.EMAIL_ALLOW
    return [
        ("PUBLIC_URL", settings.PUBLIC_URL),
        ("MAIL_PAUSED", _on_off(settings.MAIL_PAUSED)),
        ("EMAIL_ALLOW", f"{len(allow)} entries: other mail is skipped" if allow else "everybody"),
        ("MAIL_RETRY_HOURS", f"{settings.MAIL_RETRY.total_seconds() / 3600:.0f}"),
        ("WEBHOOK_RETRY_HOURS", f"{settings.WEBHOOK_RETRY.total_seconds() / 3600:.0f}"),
        ("STEP_ATTEMPTS", str(settings.STEP_ATTEMPTS)),
        ("RATE_LIMIT", _requests(settings.RATE_LIMIT)),
        ("WEB_THREADS", str(settings.WEB_THREADS)),
        ("WORKERS", str(settings.WORKERS)),
        ("REQUIRE_2FA", _on_off(settings.REQUIRE_2FA)),
        ("DEBUG", _on_off(settings.DEBUG)),
        ("DATA_DIR", str(settings.DATA_DIR)),
    ]


def _requests(limit: int) -> str:
    return f"{limit:,} requests a minute for each key" if limit else "off"


def _on_off(value: bool) -> str:  # noqa: FBT001 - the value of a setting
    return "on" if value else "off"


def _hours(name: str, span: timedelta) -> str:
    return f"{span.total_seconds() / 3600:.0f} hours ({name})"


def _days(name: str, span: timedelta) -> str:
    return f"{span.days} days ({name})" if span else f"for ever ({name}=0)"


def _disk() -> tuple[int, int] | None:
    try:
        usage = shutil.disk_usage(settings.DATA_DIR)
    except OSError:
        return None
    return usage.free, usage.total


@cache
def _own_version() -> str:
    try:
        project = tomllib.loads((settings.BASE_DIR / "pyproject.toml").read_text())
    except (OSError, ValueError):
        return "unknown"
    return str(project.get("project", {}).get("version", "unknown"))
