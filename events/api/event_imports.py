"""`POST /subscribers/events/imports`: many events of many subscribers, for back-filling."""

from datetime import datetime
from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from config.http.errors import json_response
from events.api.base import EventsApiView, log_failures, path_of
from events.api.events import dry, effects_of
from events.api.openapi import describe_imports
from events.api.warnings import ATTRIBUTE_KEPT, of_result, warnings_of
from events.intake.payloads import Limits, RejectedEvent, parse_event, read_array
from events.intake.unknown_fields import OF_IMPORTED_EVENT, OF_IMPORTS, Unknown, unknown_in
from events.services.ingestion import many_people
from events.services.ingestion.many_people import PersonEvent
from events.services.ingestion.recording import Failed, Recorded
from subscribers.api.base import Answer, Keep
from subscribers.wire.payloads import Fault, InvalidRequest, parse_person


class EventImportsView(EventsApiView):
    """Events that each name their subscriber and carry an `eventId`."""

    @describe_imports
    def post(self, request: Request) -> HttpResponse:
        is_dry_run = self.is_dry_run()
        body = self.read_object(array="events")
        raw_events = read_array(body.get("events"), limits=self.limits)
        events = [_parse(raw, limits=self.limits, now=self.now) for raw in raw_events]
        self.refuse_when_all_wrong(events)
        unknown = unknown_in(
            body, OF_IMPORTS, events, raw_events=raw_events, known_in_events=OF_IMPORTED_EVENT
        )
        work = many_people.ImportRequest(
            workspace=self.workspace,
            events=events,
            limits=self.limits,
            now=self.now,
            is_test=self.api_key.is_test,
            circumstances=self.circumstances,
        )
        if is_dry_run:
            result = many_people.preview(work)
            answer = _answer(result, unknown)
            effects = [effects_of(outcome) for outcome in result.outcomes]
            return json_response(dry(answer, effects), status=answer.status)
        return self.answer_once(lambda keep: _record(work, unknown, keep))


def _record(work: many_people.ImportRequest, unknown: Unknown, keep: Keep | None) -> Answer:
    result = many_people.record(work)
    log_failures(result.outcomes, request_id=work.circumstances.request_id)
    answer = _answer(result, unknown)
    if keep is not None:
        keep(answer)
    return answer


def _parse(raw: object, *, limits: Limits, now: datetime) -> PersonEvent | RejectedEvent:
    event = parse_event(raw, limits=limits, now=now)
    if isinstance(event, RejectedEvent) or not isinstance(raw, dict):
        return event  # type: ignore[return-value]  # a draft can only come from an object
    if event.event_id is None:
        fault = Fault("eventId", "is needed, so that an import can be repeated.")
        return RejectedEvent(name=event.name, fault=fault)
    try:
        person = parse_person(raw, attributes_bytes=limits.attributes_bytes)
    except InvalidRequest as error:
        return RejectedEvent(name=event.name, fault=error.faults[0])
    return PersonEvent(person=person, event=event)


def _answer(result: many_people.ImportResult, unknown: Unknown) -> Answer:
    recorded = [outcome for outcome in result.outcomes if isinstance(outcome, Recorded)]
    duplicates = sum(outcome.is_duplicate for outcome in recorded)
    failures = [
        {
            "index": index,
            "error": f"{path_of(index, outcome.field)} {outcome.message}",
            "code": outcome.code,
        }
        for index, outcome in enumerate(result.outcomes)
        if isinstance(outcome, Failed)
    ]
    side_effect_failures = [
        {
            "index": index,
            "stages": list(outcome.failed_stages),
            "error": "The event is recorded; its effects failed and are retried.",
        }
        for index, outcome in enumerate(result.outcomes)
        if isinstance(outcome, Recorded) and outcome.failed_stages
    ]
    body: dict[str, Any] = {
        "success": not failures,
        "total": len(result.outcomes),
        "recorded": len(recorded) - duplicates,
        "duplicates": duplicates,
        "failed": len(failures),
        "failures": failures,
        "sideEffectFailed": len(side_effect_failures),
        "sideEffectFailures": side_effect_failures,
        "subscribers": result.identities,
    }
    if failures:
        total = len(result.outcomes)
        body["error"] = f"{len(failures)} of {total} events failed; the others are recorded."
    body |= warnings_of(_warnings(result), unknown)
    return Answer(body, status=207 if failures else 200)


def _warnings(result: many_people.ImportResult) -> list[Fault]:
    said: list[Fault] = []
    for first, each in result.results.items():
        of_person = f"{path_of(first, '')}."
        said += of_result(
            each,
            first=first,
            of_person=of_person,
        )
        # This call has no `optIn`.
        if each.opt_in and each.opt_in.is_coming_back and each.opt_in.reason:
            message = f"No confirmation mail leaves now: {each.opt_in.reason}."
            said.append(Fault(f"{of_person}resubscribe", message))
    return said + [
        Fault(path_of(index, f"customAttributes.{name}"), ATTRIBUTE_KEPT)
        for index, names in result.kept_attributes.items()
        for name in names
    ]
