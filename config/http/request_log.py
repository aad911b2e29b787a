"""Gives each request an id, and writes one log line for it.

The line names the route, not the path: paths contain addresses and tokens.
"""

import logging
import re
import secrets
import time
from collections.abc import Callable, Mapping

from django.http import HttpRequest, HttpResponse

from config.http import metrics

# The WSGI environment's entry for the caller: the names of the workspace and of the key.
CALLER = "cueline.caller"
logger = logging.getLogger("cueline.request")
GIVEN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)


class RequestLogMiddleware:
    """Sets `X-Request-Id` on every answer: the caller's if it is well formed, else a new one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        started = time.perf_counter()
        request_id = request_id_from(request.headers.get("X-Request-Id", ""))
        request.META["cueline.request_id"] = request_id
        response = self.get_response(request)
        response["X-Request-Id"] = request_id
        match = request.resolver_match
        note_answer(
            method=str(request.method),
            route=match.view_name if match else "(no route)",
            status=response.status_code,
            seconds=time.perf_counter() - started,
            request_id=request_id,
            caller=request.META.get(CALLER, {}),
        )
        return response


def request_id_from(given: str) -> str:
    return given if GIVEN_ID.fullmatch(given) else f"req_{secrets.token_hex(16)}"


def note_answer(
    *,
    method: str,
    route: str,
    status: int,
    seconds: float,
    request_id: str,
    caller: Mapping[str, str],
) -> None:
    """Count and log one answer; `caller` has the fields that name the caller."""
    metrics.note_request(method=method, route=route, status=status, seconds=seconds)
    extra = {"request_id": request_id, "duration_ms": round(seconds * 1000, 1), **caller}
    logger.info("%s %s %d", method, route, status, extra=extra)
