"""`/healthz`: the process answers. `/readyz`: the database takes writes and has every migration.

A dead worker shows in `/healthz/worker` alone: it must not take ingestion out of a load balancer.
"""

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from config import database, schema
from config.http.errors import json_response
from events.services import worker_reports
from events.services.engine import mail_gauges
from subscribers.services.workspaces import installation

logger = logging.getLogger("cueline.health")

# Body and status.
Answer = tuple[dict[str, object], int]
FRESH_SECONDS = 1


def one_look_at_a_time(look: Callable[[], Answer]) -> Callable[[], Answer]:
    """Give callers who come during a look the last answer if it is fresh, else this look's.

    A look costs some 40 ms and needs no key: four at a time would take all threads from events.
    """
    looking = threading.Lock()
    last: Answer = ({}, 503)
    until = 0.0

    def found() -> Answer:
        nonlocal last, until
        if not looking.acquire(blocking=False):
            if time.monotonic() >= until:
                with looking:
                    pass
            return last
        try:
            last = look()
            until = time.monotonic() + FRESH_SECONDS
            return last
        finally:
            looking.release()

    return found


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - Django's signature
    return json_response({"status": "ok"})


@require_safe
def readyz(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - Django's signature
    body, status = _ready()
    return json_response(body, status=status)


@one_look_at_a_time
def _ready() -> Answer:
    """Answer 200 if requests can be served, else 503 with the missing part. A database that is
    ahead of this code is named and served.
    """
    try:
        unapplied, ahead, writes = schema.unapplied_migrations(), schema.ahead(), database.writes()
    except (DatabaseError, InterfaceError):
        logger.warning("The database does not answer.", exc_info=True)
        return {"status": "unavailable", "database": "unreachable"}, 503
    if unapplied:
        missing = f"{unapplied} missing"
        return {"status": "unavailable", "database": "ok", "migrations": missing}, 503
    if writes != "ok":
        return {"status": "unavailable", "database": writes}, 503
    newer = {"ahead": ahead} if ahead else {}
    return {"status": "ok", "database": "ok", "migrations": "ok", **newer}, 200


@require_safe
def healthz_worker(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - Django's signature
    body, status = _worker()
    return json_response(body, status=status)


@one_look_at_a_time
def _worker() -> Answer:
    """Answer 200 if a worker ticked, and passed a task through the queue, in the last 30 s.

    503 also while the installation is on hold, whatever its workers do.

    A mail server that is away is no fault of the worker: only `mail` says so. Open to everybody, so
    it has counts and ages in seconds, and no host's name.
    """
    now = datetime.now(tz=UTC)
    try:
        health = worker_reports.health(now=now)
        mail = mail_gauges.read(now=now)
        on_hold_since = installation.on_hold_since()
        writes = database.writes()
    except (DatabaseError, InterfaceError):
        logger.warning("The database does not answer.", exc_info=True)
        return {"status": "unavailable", "database": "unreachable"}, 503
    if writes != "ok":
        # The last tick may be seconds old, but none follows.
        return {"status": "unavailable", "database": writes}, 503
    is_well = health.live and not on_hold_since
    body: dict[str, object] = {
        "status": "ok" if is_well else "unavailable",
        "workers": health.live,
        "lastTickSeconds": health.tick_age,
        "lastBeatSeconds": health.beat_age,
        "mail": {
            "status": "failing" if mail.stops else "ok",
            "blockedSeconds": round(mail.blocked_seconds),
            "waiting": mail.all_waiting,
            "kind": mail.stops[0].kind if mail.stops else "",
        },
    }
    if on_hold_since:
        body["reason"] = "A restored copy on hold: nothing is sent until somebody resumes it."
    elif health.problem:
        body["reason"] = health.problem
    return body, 200 if is_well else 503
