"""`/metrics` in Prometheus' text form: for this machine, or with `METRICS_TOKEN`.

The numbers are of this web process. What they are is said where they are counted.
"""

import hmac

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from config import env
from config.http.errors import json_response


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer the numbers, or 404 for whoever may not know that they are there."""
    if not _may_read(request):
        return json_response({"status": "not found"}, status=404)
    return HttpResponse(generate_latest(REGISTRY), content_type=CONTENT_TYPE_LATEST)


def _may_read(request: HttpRequest) -> bool:
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if settings.METRICS_TOKEN:
        return hmac.compare_digest(given.encode(), settings.METRICS_TOKEN.encode())
    # A proxy on this machine makes everybody local: who came through one is told by its header.
    is_forwarded = settings.BEHIND_PROXY or "X-Forwarded-For" in request.headers
    return not is_forwarded and env.is_loopback(str(request.META.get("REMOTE_ADDR", "")))


class PoolCollector(Collector):
    """The web's connections to PostgreSQL; nothing where there is no pool."""

    def collect(self) -> list[GaugeMetricFamily]:
        """Return the pool's state now."""
        pool = getattr(connection, "pool", None)
        if pool is None:
            return []
        stats = pool.get_stats()
        return [
            GaugeMetricFamily(f"cueline_{name}", text, value=stats.get(name, 0))
            for name, text in (
                ("pool_size", "Connections that the pool holds."),
                ("pool_available", "Connections that wait for a request."),
                ("requests_waiting", "Requests that wait for a connection."),
            )
        ]


REGISTRY.register(PoolCollector())
