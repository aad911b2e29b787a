"""The System page: hosts, queues, sizes, versions, settings, and the doctor by button.

For those who may change the installation: the group `operator`, and superusers. No secret is shown.
"""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import filesizeformat
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST, require_safe

from config import charts
from config.admin_base import list_url
from config.admin_links import page_url
from config.admin_skin import SYSTEM_PERMISSION
from config.readable import sentence, time_tag
from events import enqueue
from events.admin.worker import state_of
from events.models import FailedStage, Worker
from events.services import doctor
from events.services.counts.sizes import TableSize
from events.services.engine.gauges import MOST_COUNTED
from events.services.overview import system
from events.services.overview.system import SystemFigures
from events.wording import doctor as doctor_text
from events.wording import mail_stops
from subscribers.admin.outbox_numbers import PAGE as OUTBOX_NUMBERS
from subscribers.models import OutgoingEmail
from subscribers.services.audits.audits import Audit

# The doctor ends after the check that is over it: a browser and a proxy wait no longer.
DOCTOR_SECONDS = 20.0
MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    name: str
    words: str | SafeString
    address: str = ""
    is_bad: bool = False


@require_safe
def show(request: HttpRequest) -> HttpResponse:
    _check(request)
    now = datetime.now(tz=UTC)
    found = system.read(now=now)
    return _page(
        request,
        "admin/system.html",
        title="System",
        outbox_numbers=OUTBOX_NUMBERS,
        problem=found.health.problem,
        stops=[mail_stops.in_words(each) for each in found.mail.stops],
        workers=[_worker(each, now) for each in found.workers],
        workers_address=list_url(Worker),
        queue=_queue(found, now),
        sizes=_sizes(found),
        tables=[_table(each) for each in found.tables],
        has_bytes=any(each.bytes is not None for each in found.tables),
        chart=_chart(found, now),
        versions=_facts(system.versions()),
        kept=_facts(system.kept()),
        settings=_facts(system.chosen_settings()),
    )


@require_POST
def examine(request: HttpRequest) -> HttpResponse:
    """Run the doctor's checks in this request, so that it needs no worker; changes nothing."""
    _check(request)
    now = datetime.now(tz=UTC)
    checks = (*doctor.SURROUNDINGS, *doctor.DATA_CHECKS)
    reports, over_at = [], time.monotonic() + DOCTOR_SECONDS
    for report in doctor.examine(audit=Audit(now=now), checks=checks):
        reports.append(report)
        if time.monotonic() > over_at:
            break
    said = doctor_text.as_wire(reports)
    return _page(
        request,
        "admin/doctor.html",
        title="Doctor",
        verdict=doctor_text.verdict(reports),
        is_healthy=said["healthy"],
        findings=list(_findings(said["checks"])),
        checks=said["checks"],
        left_out=len(checks) - len(reports),
        at=time_tag(now),
    )


def _check(request: HttpRequest) -> None:
    if not request.user.has_perm(SYSTEM_PERMISSION):
        raise PermissionDenied


def _page(request: HttpRequest, template: str, **context: object) -> HttpResponse:
    return TemplateResponse(request, template, {**admin.site.each_context(request), **context})


def _facts(pairs: Iterable[tuple[str, str]]) -> list[Fact]:
    return [Fact(name=name, words=words) for name, words in pairs]


def _findings(checks: Iterable[dict[str, Any]]) -> Sequence[dict[str, Any]]:
    """Return what is to be done, problems before warnings."""
    found = [{**each, "check": check["name"]} for check in checks for each in check["findings"]]
    return sorted(found, key=lambda each: each["level"] != "problem")


def _worker(worker: Worker, now: datetime) -> dict[str, object]:
    kind, words = state_of(worker, now=now)
    return {
        "host": worker.host,
        "address": page_url(worker),
        "kind": kind,
        "state": words,
        "processes": worker.processes,
        "started_at": time_tag(worker.started_at),
        "beat_at": time_tag(worker.beat_at) if worker.beat_at else "-",
        "restarts": worker.restarts,
    }


def _queue(found: SystemFigures, now: datetime) -> list[Fact]:
    work, depth = found.work, enqueue.depth(now=now)
    failed = enqueue.count_failed()
    due_since = now - timedelta(seconds=work.oldest_due_seconds)
    oldest = time_tag(found.oldest_queued) if found.oldest_queued else ""
    return [
        Fact(
            name="Enrollments due",
            words=sentence(
                "{}, the first since {}", _bounded(work.enrollments_due), time_tag(due_since)
            )
            if work.enrollments_due
            else "none",
        ),
        Fact(
            name="Mails that wait, and why",
            words=_bounded(found.mail.all_waiting),
            address=reverse(OUTBOX_NUMBERS),
        ),
        Fact(
            name="Oldest queued mail",
            words=sentence("made at {}", oldest) if oldest else "none",
            address=list_url(OutgoingEmail, status__exact="queued"),
        ),
        Fact(
            name="Mails of unknown delivery",
            words=_bounded(work.emails_unknown),
            address=list_url(OutgoingEmail, status__exact="unknown"),
            is_bad=bool(work.emails_unknown),
        ),
        Fact(
            name="Effects of events to retry",
            words=_bounded(work.failed_stages),
            address=list_url(FailedStage),
            is_bad=bool(work.failed_stages),
        ),
        Fact(name="Tasks that wait", words=f"{depth.all_waiting:,}"),
        Fact(name="Tasks being worked on", words=f"{depth.taken:,}"),
        Fact(
            name="Tasks that failed",
            words="more than 1,000" if failed == enqueue.MOST_COUNTED else f"{failed:,}",
            is_bad=bool(failed),
        ),
        Fact(
            name="Mail server",
            words=f"stopped: {found.server}" if found.mail.stops else found.server,
            is_bad=bool(found.mail.stops),
        ),
    ]


def _sizes(found: SystemFigures) -> list[Fact]:
    sizes = [Fact(name="Database", words=filesizeformat(found.database_bytes))]
    known = [row for row in found.days.values() if row.database_bytes]
    if known:
        grown = found.database_bytes - known[0].database_bytes
        words = f"{'-' * (grown < 0)}{filesizeformat(abs(grown))} since {known[0].day}"
        sizes.append(Fact(name="Growth", words=words))
    if found.disk_free is not None and found.disk_total is not None:
        free, total = filesizeformat(found.disk_free), filesizeformat(found.disk_total)
        is_short = found.disk_free < found.disk_total / 10
        words = f"{free} of {total}"
        sizes.append(Fact(name="Free on the disk of DATA_DIR", words=words, is_bad=is_short))
    if found.oldest_event:
        sizes.append(Fact(name="Events since", words=time_tag(found.oldest_event)))
    cleaned = [row for row in found.days.values() if row.deleted_rows]
    if cleaned:
        words = f"{cleaned[-1].deleted_rows:,} old counts and reports, on {cleaned[-1].day}"
        sizes.append(Fact(name="Deleted last", words=words))
    return sizes


def _table(table: TableSize) -> tuple[str, str, str]:
    rows = "-" if table.rows is None else f"{table.rows:,}"
    return table.name, "" if table.bytes is None else filesizeformat(table.bytes), rows


def _chart(found: SystemFigures, now: datetime) -> SafeString | str:
    """Draw the size by day, once there are two days to compare."""
    if len(found.days) <= 1:
        return ""
    today = now.date()
    shown = [today - timedelta(days=n) for n in reversed(range(system.DAYS))]
    sizes = [found.days[day].database_bytes if day in found.days else 0 for day in shown]
    return charts.draw(
        title="Database in MB, by day (UTC)",
        labels=[f"{day:%d %b}" for day in shown],
        columns=[charts.Series(name="MB", values=[-(-each // MEGABYTE) for each in sizes])],
    )


def _bounded(count: int) -> str:
    return f"more than {MOST_COUNTED - 1:,}" if count >= MOST_COUNTED else f"{count:,}"
