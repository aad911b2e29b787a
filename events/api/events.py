"""`POST /subscribers/events` and `/subscribers/events/bulk`: what one subscriber did."""

from collections.abc import Callable
from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from config.http.errors import json_response
from events.api.base import EventsApiView, log_failures, path_of, wire_time
from events.api.effects import wire_effects
from events.api.openapi import describe_bulk, describe_single
from events.api.warnings import of_result, warnings_of
from events.intake.payloads import RejectedEvent, parse_event, parse_events
from events.intake.unknown_fields import NONE, OF_BULK, OF_SINGLE, Unknown, unknown_in
from events.services.ingestion import ingest
from events.services.ingestion.recording import Failed, Outcome, Recorded
from events.services.ingestion.request import IngestRequest
from subscribers.api.base import Answer, Keep
from subscribers.ids import encode
from subscribers.wire.payloads import Fault, InvalidRequest, parse_person

# The key in the WSGI environment for what the express lane has tried.
ATTEMPT = "cueline.attempt"


class BulkEventsView(EventsApiView):
    """Many events of one subscriber, in order; each succeeds or fails by itself.

    This view defines the answer; `express` is a faster copy of it for ordinary requests.
    """

    @describe_bulk
    def post(self, request: Request) -> HttpResponse:
        is_dry_run = self.is_dry_run()
        body = self.read_object(array="events")
        person = parse_person(body, attributes_bytes=self.limits.attributes_bytes)
        raw_events = body.get("events")
        events = parse_events(raw_events, limits=self.limits, now=self.now)
        self.refuse_when_all_wrong(events)
        unknown = unknown_in(body, OF_BULK, events, raw_events=raw_events)
        work = self.ingest_request(person, events)
        try:
            if is_dry_run:
                result = ingest.preview(work)
                answer = bulk_answer(result, unknown)
                effects = [effects_of(outcome) for outcome in result.outcomes]
                return json_response(dry(answer, effects), status=answer.status)
            earlier: ingest.Attempt | None = request.META.get(ATTEMPT)
            return self.answer_once(lambda keep: _record_bulk(work, keep, earlier, unknown))
        except ingest.NothingRecorded as error:
            faults = [
                Fault(path_of(index, failed.field), failed.message)
                for index, failed in enumerate(error.outcomes)
            ]
            raise self.nothing_recorded(error, faults=faults) from error


class SingleEventView(EventsApiView):
    """One event of one subscriber."""

    @describe_single
    def post(self, request: Request) -> HttpResponse:
        is_dry_run = self.is_dry_run()
        body = self.read_object()
        person = parse_person(body, attributes_bytes=self.limits.attributes_bytes)
        event = parse_event(body, limits=self.limits, now=self.now, name_field="event")
        if isinstance(event, RejectedEvent):
            self.note_rejected([event])
            raise InvalidRequest(event.fault)
        unknown = unknown_in(body, OF_SINGLE, [event])
        work = self.ingest_request(person, [event])
        try:
            if is_dry_run:
                result = ingest.preview(work)
                answer = _single_answer(result, body, unknown)
                return json_response(dry(answer, effects_of(result.outcomes[0])))
            return self.answer_once(lambda keep: _record_single(work, body, keep, unknown))
        except ingest.NothingRecorded as error:
            failed = error.outcomes[0]
            field = "event" if failed.field == "name" else failed.field
            raise self.nothing_recorded(error, faults=[Fault(field, failed.message)]) from error


def _record_bulk(
    work: IngestRequest, keep: Keep | None, earlier: ingest.Attempt | None, unknown: Unknown
) -> Answer:
    before_commit = _keeping(keep, lambda result: bulk_answer(result, unknown))
    result = ingest.record(work, earlier=earlier, before_commit=before_commit)
    if not result.is_complete:
        log_failures(result.outcomes, request_id=work.circumstances.request_id)
    return bulk_answer(result, unknown)


def _record_single(
    work: IngestRequest, body: dict[str, Any], keep: Keep | None, unknown: Unknown
) -> Answer:
    def answer_of(result: ingest.IngestResult) -> Answer:
        return _single_answer(result, body, unknown)

    return answer_of(ingest.record(work, before_commit=_keeping(keep, answer_of)))


def _keeping(
    keep: Keep | None, answer_of: Callable[[ingest.IngestResult], Answer]
) -> Callable[[ingest.IngestResult], None] | None:
    """Return a function that stores the answer before the commit, if a replay may need it."""
    return None if keep is None else lambda result: keep(answer_of(result))


def bulk_answer(result: ingest.IngestResult, unknown: Unknown) -> Answer:
    events = [_event(index, outcome) for index, outcome in enumerate(result.outcomes)]
    body: dict[str, Any] = {
        "success": True,
        "subscriber": _subscriber(result),
        "events": events,
        **_opt_in(result),
    }
    if result.notes is not None or unknown is not NONE:
        body |= warnings_of(of_result(result), unknown)
    if result.is_complete:
        return Answer(body)
    failed = sum(isinstance(outcome, Failed) for outcome in result.outcomes)
    message = (
        f"{failed} of {len(events)} events failed and can be sent again once mended;"
        " the others are recorded."
    )
    error = {"code": "PARTIAL_FAILURE", "message": message}
    return Answer({**body, "success": False, "error": error}, status=207)


def _single_answer(result: ingest.IngestResult, body: dict[str, Any], unknown: Unknown) -> Answer:
    outcome = result.outcomes[0]
    if isinstance(outcome, Failed):
        raise TypeError("A single event that failed is raised as NothingRecorded.")
    answer: dict[str, Any] = {"success": True, "subscriber": _subscriber(result)}
    event_id = encode("evt", outcome.id)
    if outcome.is_historical:
        answer |= {
            "historical": True,
            "inserted": 0 if outcome.is_duplicate else 1,
            "duplicates": 1 if outcome.is_duplicate else 0,
            "events": [
                {"id": event_id, "name": outcome.name, "occurredAt": wire_time(outcome.occurred_at)}
            ],
        }
    else:
        answer["event"] = {
            "id": event_id,
            "name": outcome.name,
            "definitionCreated": outcome.is_definition_created,
        }
    if outcome.is_duplicate:
        answer["duplicate"] = True
    if outcome.failed_stages:
        answer["sideEffectFailures"] = list(outcome.failed_stages)
    answer |= _opt_in(result)
    answer |= warnings_of(of_result(result, first=None), unknown)
    if body.get("account") is not None:
        answer["accountIgnored"] = {
            "reason": "not_supported",
            "message": "Cueline has no accounts above subscribers; the field was ignored.",
        }
    return Answer(answer)


def _event(index: int, outcome: Outcome) -> dict[str, Any]:
    if isinstance(outcome, Failed):
        message = f"{path_of(index, outcome.field)} {outcome.message}"
        error = {"code": outcome.code, "message": message}
        return {"index": index, "name": outcome.name, "error": error}
    event: dict[str, Any] = {
        "id": encode("evt", outcome.id),
        "name": outcome.name,
        "definitionCreated": outcome.is_definition_created,
    }
    if outcome.is_duplicate:
        event["duplicate"] = True
    if outcome.is_historical:
        event["historical"] = True
    if outcome.failed_stages:
        event["sideEffectFailures"] = list(outcome.failed_stages)
    return event


def _subscriber(result: ingest.IngestResult) -> dict[str, Any]:
    subscriber = result.subscriber
    return {
        "id": subscriber.public_id,
        "email": subscriber.email,
        "externalId": subscriber.external_id,
        "created": result.is_created,
    }


def _opt_in(result: ingest.IngestResult) -> dict[str, Any]:
    """Return the answer's `optIn`, where the person has to confirm."""
    if result.opt_in is None:
        return {}
    said: dict[str, Any] = {"required": True, "emailQueued": result.opt_in.is_email_queued}
    if result.opt_in.reason:
        said["reason"] = result.opt_in.reason
    if result.opt_in.retry_at:
        said["retryAfter"] = wire_time(result.opt_in.retry_at)
    return {"optIn": said}


def dry(answer: Answer, effects: object) -> dict[str, Any]:
    """Return the body of a dry run's answer."""
    return {**answer.body, "dryRun": True, "effects": effects}


def effects_of(outcome: Outcome) -> dict[str, Any] | None:
    return wire_effects(outcome.effects) if isinstance(outcome, Recorded) else None
