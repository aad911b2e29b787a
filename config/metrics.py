"""`/metrics` in Prometheus' text form: for this machine, or with `METRICS_TOKEN`.

The numbers are those of this web process, except the engine's, which are read from the database at
each request. Each counter is described where it is counted.
"""

import hmac
import logging
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import urlsplit

from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse
from django.http.request import split_domain_port
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from config import env
from config.http.errors import json_response
from events import enqueue
from events.services import worker_reports
from events.services.counts import sizes
from events.services.engine import away_receivers, mail_gauges
from events.services.engine import gauges as engine_gauges
from events.services.enrollments import retrying
from subscribers.services.storage import outcomes
from subscribers.services.storage.outcomes import Subject

logger = logging.getLogger("cueline.metrics")

# Names of headers that proxies add, such as X-Forwarded-Host, Forwarded, Via, X-Real-IP and
# X-Envoy-External-Address.
FORWARDING = re.compile(r"forwarded|^via$|-ip$|^x-envoy-", re.IGNORECASE)


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer the numbers, or 404 to callers that may not see them."""
    if not _may_read(request):
        return json_response({"status": "not found"}, status=404)
    return HttpResponse(generate_latest(REGISTRY), content_type=CONTENT_TYPE_LATEST)


def _may_read(request: HttpRequest) -> bool:
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if settings.METRICS_TOKEN:
        return hmac.compare_digest(given.encode(), settings.METRICS_TOKEN.encode())
    # A proxy on this machine makes every caller local. Its headers show that there is one, or the
    # host name that it was called by; nginx's bare `proxy_pass` has neither, but speaks HTTP/1.0.
    # A proxy that rewrites `Host` and adds nothing is not seen, but then PUBLIC_URL is public.
    is_forwarded = (
        settings.BEHIND_PROXY
        or any(map(FORWARDING.search, request.headers))
        or request.META.get("SERVER_PROTOCOL") in {"HTTP/1.0", "HTTP/1"}
    )
    host = split_domain_port(request.get_host())[0].strip("[]")
    public_host = urlsplit(settings.PUBLIC_URL).hostname or ""
    names = (host, public_host, str(request.META.get("REMOTE_ADDR", "")))
    return not is_forwarded and all(map(env.is_loopback, names))


COUNTERS = {
    Subject.MAIL: ("mails", "Attempts to send mails, and mails that were skipped or not made."),
    Subject.ENROLLMENT: ("enrollments_ended", "Enrollments that ended."),
    Subject.WEBHOOK: ("webhook_calls", "Calls of webhook steps."),
}


class EngineCollector(Collector):
    """What waits for the worker; nothing while the database does not answer."""

    def describe(self) -> list[GaugeMetricFamily]:
        """Return nothing: registration must not query the database."""
        return []

    def collect(self) -> Iterator[Metric]:
        try:
            now = datetime.now(tz=UTC)
            numbers, mail = _engine_numbers(now), mail_gauges.read(now=now)
            calls, totals = away_receivers.total(away_receivers.read()), outcomes.totals()
            losses = retrying.count_by_reason(now=now)
        except (DatabaseError, InterfaceError):
            logger.warning("The engine's numbers cannot be read.", exc_info=True)
            return
        for name, (text, value) in numbers.items():
            yield GaugeMetricFamily(f"cueline_{name}", text, value=value)
        text = "How long no mail has left although some was tried; 0: mail flows."
        yield GaugeMetricFamily("cueline_mail_blocked_seconds", text, value=mail.blocked_seconds)
        text = "Mails that wait, by reason; counted to 10,001."
        waiting = GaugeMetricFamily("cueline_mails_waiting", text, labels=["reason"])
        for reason, count in mail.waiting.items():
            waiting.add_metric([reason], count)
        yield waiting
        text = "Enrollments that wait for a webhook's receiver that is away; counted to 10,001."
        yield GaugeMetricFamily("cueline_webhooks_waiting", text, value=calls)
        text = "What failed in the last seven days and was not retried; counted to 2,000."
        lost = GaugeMetricFamily("cueline_losses", text, labels=["reason"])
        for reason, count in losses.items():
            lost.add_metric([reason], count)
        yield lost
        for subject, (name, text) in COUNTERS.items():
            family = CounterMetricFamily(f"cueline_{name}", text, labels=["outcome", "reason"])
            for (counted, outcome, reason), count in totals.items():
                if counted == subject:
                    family.add_metric([outcome, reason], count)
            yield family


def _engine_numbers(now: datetime) -> dict[str, tuple[str, float]]:
    gauges = engine_gauges.read(now=now)
    depth = enqueue.depth(now=now)
    health = worker_reports.health(now=now)
    oldest = gauges.oldest_due_seconds
    return {
        "enrollments_due": ("Enrollments that are due; counted to 10,001.", gauges.enrollments_due),
        "enrollments_oldest_due_seconds": ("How late the latest one is.", oldest),
        "emails_due": ("Mails that no enrollment waits for and that are due.", gauges.emails_due),
        "emails_sending": ("Mails being sent; counted to 10,001.", gauges.emails_sending),
        "emails_unknown": ("Mails that may have arrived; to 10,001.", gauges.emails_unknown),
        "failed_stages": ("Failed stages of events; to 10,001.", gauges.failed_stages),
        "queue_waiting": ("Batches that no process has taken yet.", depth.all_waiting),
        "queue_taken": ("Batches that a process has taken.", depth.taken),
        "database_bytes": ("Size of the database.", sizes.database_bytes()),
        "workers_live": ("Worker hosts that ticked and passed a task lately.", health.live),
    }


REGISTRY.register(EngineCollector())
