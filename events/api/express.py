"""A faster copy of `BulkEventsView`: a WSGI layer that answers ordinary bulk requests itself.

`BulkEventsView` defines the answer. `EXPRESS=off` leaves this layer out; the tests of the bulk call
run both ways, and the benchmark prints both.
Django and Django REST framework cost several times what it costs to store one event (measured). So
this layer takes `POST /subscribers/events/bulk` as applications send it: a key that the process
knows, a well-formed body, no query, no `Idempotency-Key`. It calls the view's own functions. It
passes any other request, and every error, on to the view together with what it began: the moment,
the request taken from the rate limit, the planned ids. See .github/decisions/express.md.
"""

import logging
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING, Any

import msgspec
from django.conf import settings
from django.http.request import split_domain_port, validate_host

from config.http.errors import error_body
from config.http.refusals import declared_length
from config.http.request_log import CALLER, note_answer, request_id_from
from config.http.security_headers import security_headers
from events.api.base import log_failures
from events.api.events import ATTEMPT, bulk_answer
from events.intake.payloads import parse_events
from events.intake.unknown_fields import OF_BULK, unknown_in
from events.services.ingestion import ingest
from events.services.ingestion.request import IngestRequest, current_limits
from subscribers.api.authentication import bearer_of, log_fields
from subscribers.api.base import BEGUN, Answer, Begun, rate_headers, take_request
from subscribers.models.api_key import Scope
from subscribers.services.storage import connections
from subscribers.services.workspaces import api_keys
from subscribers.wire import json_gate
from subscribers.wire.payloads import InvalidRequest, parse_person

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication

logger = logging.getLogger("cueline.express")

PATH = "/api/v1/subscribers/events/bulk"
ROUTE = "events-bulk"
MEDIA_TYPES = frozenset({"application/json", "application/json; charset=utf-8"})
PHRASES = {200: "200 OK", 207: "207 Multi-Status", 500: "500 Internal Server Error"}


class ExpressLane:
    def __init__(self, application: "WSGIApplication") -> None:
        self.application = application

    def __call__(self, environ: dict[str, Any], start_response: "StartResponse") -> Iterable[bytes]:
        """Answer, or pass the request on with its body unchanged."""
        if environ["PATH_INFO"] != PATH or not _is_ordinary(environ):
            return self.application(environ, start_response)
        started = time.perf_counter()
        body = environ["wsgi.input"].read(declared_length(environ))
        request_id = request_id_from(environ.get("HTTP_X_REQUEST_ID", ""))
        try:
            answer = _answer(environ, body, request_id)
        except Exception:
            # Passed on to the view, it might be recorded twice.
            logger.exception("A request failed.", extra={"request_id": request_id})
            message = "Something failed on our side."
            answer = Answer(
                error_body(code="INTERNAL", message=message, request_id=request_id), status=500
            )
        finally:
            connections.look_after()
        if answer is None:
            environ["wsgi.input"] = BytesIO(body)
            return self.application(environ, start_response)
        content = msgspec.json.encode(answer.body)
        headers = [
            ("Content-Type", "application/json; charset=utf-8"),
            ("Content-Length", str(len(content))),
            ("X-Request-Id", request_id),
            ("Allow", "POST"),
            *rate_headers(environ[BEGUN].rate if BEGUN in environ else None),
            *security_headers(),
        ]
        start_response(PHRASES[answer.status], headers)
        note_answer(
            method="POST",
            route=ROUTE,
            status=answer.status,
            seconds=time.perf_counter() - started,
            request_id=request_id,
            caller=environ.get(CALLER, {}),
        )
        return [content]


def _is_ordinary(environ: dict[str, Any]) -> bool:
    return (
        environ["REQUEST_METHOD"] == "POST"
        and not environ.get("QUERY_STRING")
        and environ.get("CONTENT_TYPE") in MEDIA_TYPES
        and "HTTP_IDEMPOTENCY_KEY" not in environ
        and _is_host_allowed(environ.get("HTTP_HOST", ""), tuple(settings.ALLOWED_HOSTS))
    )


def _answer(environ: dict[str, Any], content: bytes, request_id: str) -> Answer | None:
    """Record the request and return its answer; None when it is not for this layer."""
    now = datetime.now(tz=UTC)
    api_key = api_keys.recall(text=bearer_of(environ.get("HTTP_AUTHORIZATION", "")), now=now)
    if api_key is None or not api_key.allows(Scope.EVENTS_WRITE):
        return None
    environ[CALLER] = log_fields(api_key)
    try:
        rate = take_request(api_key=api_key, now=now)
    except connections.LOST:
        connections.renew()
        return None
    environ[BEGUN] = Begun(now=now, rate=rate)
    if rate is not None and not rate.is_allowed:
        return None
    limits = current_limits()
    try:
        body = json_gate.decode(content)
        if not isinstance(body, dict):
            return None
        person = parse_person(body, attributes_bytes=limits.attributes_bytes)
        raw_events = body.get("events")
        events = parse_events(raw_events, limits=limits, now=now)
    except (InvalidRequest, json_gate.InvalidJson):
        return None
    outcome = ingest.record_fast(
        IngestRequest(
            workspace=api_key.workspace,
            person=person,
            events=events,
            limits=limits,
            now=now,
            is_test=api_key.is_test,
            unverified_key=api_key,
        )
    )
    if isinstance(outcome, ingest.Attempt):
        environ[ATTEMPT] = outcome
        return None
    unknown = unknown_in(body, OF_BULK, events, raw_events=raw_events)
    answer = bulk_answer(outcome, unknown)
    if not answer.body["success"]:
        log_failures(outcome.outcomes, request_id=request_id)
    return answer


@lru_cache(maxsize=64)
def _is_host_allowed(host: str, allowed: tuple[str, ...]) -> bool:
    domain, _ = split_domain_port(host)
    return bool(domain) and validate_host(domain, allowed)
