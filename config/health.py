"""`/healthz`: the process answers. `/readyz`: the database takes writes and has every migration.

A dead worker shows in `/healthz/worker` alone: it must not take ingestion out of a load balancer.
"""

import logging
from datetime import UTC, datetime

from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from config import database, schema
from config.http.errors import json_response
from events.services import worker_reports
from subscribers.services.workspaces import installation

logger = logging.getLogger("cueline.health")


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - Django's signature
    return json_response({"status": "ok"})


@require_safe
def readyz(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - Django's signature
    """Answer 200 if requests can be served, else 503 with the missing part. A database that is
    ahead of this code is named and served.
    """
    try:
        unapplied, ahead, writes = schema.unapplied_migrations(), schema.ahead(), database.writes()
    except (DatabaseError, InterfaceError):
        logger.warning("The database does not answer.", exc_info=True)
        return json_response({"status": "unavailable", "database": "unreachable"}, status=503)
    if unapplied:
        body = {"status": "unavailable", "database": "ok", "migrations": f"{unapplied} missing"}
        return json_response(body, status=503)
    if writes != "ok":
        return json_response({"status": "unavailable", "database": writes}, status=503)
    newer = {"ahead": ahead} if ahead else {}
    return json_response({"status": "ok", "database": "ok", "migrations": "ok", **newer})


@require_safe
def healthz_worker(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - Django's signature
    """Answer 200 if a worker ticked, and passed a task through the queue, in the last 30 s.

    503 also while the installation is on hold, whatever its workers do.

    Open to everybody, so it has counts and ages in seconds, and no host's name.
    """
    try:
        health = worker_reports.health(now=datetime.now(tz=UTC))
        on_hold_since = installation.on_hold_since()
        writes = database.writes()
    except (DatabaseError, InterfaceError):
        logger.warning("The database does not answer.", exc_info=True)
        return json_response({"status": "unavailable", "database": "unreachable"}, status=503)
    if writes != "ok":
        # The last tick may be seconds old, but none follows.
        return json_response({"status": "unavailable", "database": writes}, status=503)
    is_well = health.live and not on_hold_since
    body: dict[str, object] = {
        "status": "ok" if is_well else "unavailable",
        "workers": health.live,
        "lastTickSeconds": health.tick_age,
        "lastBeatSeconds": health.beat_age,
    }
    if on_hold_since:
        body["reason"] = "A restored copy on hold: nothing is sent until somebody resumes it."
    elif health.problem:
        body["reason"] = health.problem
    return json_response(body, status=200 if is_well else 503)
