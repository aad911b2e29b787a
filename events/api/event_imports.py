"""`POST /subscribers/events/imports`: many events of many subscribers, for back-filling."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.http import HttpResponse
from rest_framework.request import Request

from events.api.base import EventsApiView, log_failures, path_of
from events.api.openapi import describe_imports
from events.intake.payloads import Limits, RejectedEvent, parse_event, read_array
from events.services.ingestion import many_people
from events.services.ingestion.many_people import PersonEvent
from events.services.ingestion.recording import Failed, Recorded
from subscribers.api.base import Answer, Keep
from subscribers.wire.payloads import Fault, InvalidRequest, parse_person


class EventImportsView(EventsApiView):
    """Events that each name their subscriber and carry an `eventId`."""

    @describe_imports
    def post(self, request: Request) -> HttpResponse:
        if self.is_dry_run():
            raise InvalidRequest(Fault("dryRun", "is not offered for imports."))
        raw_events = read_array(self.read_object().get("events"), limits=self.limits)
        events = [_parse(raw, limits=self.limits, now=self.now) for raw in raw_events]
        self.refuse_when_all_wrong(events)
        return self.answer_once(lambda keep: self._record(events, keep))

    def _record(self, events: Sequence[PersonEvent | RejectedEvent], keep: Keep | None) -> Answer:
        result = many_people.record(
            workspace=self.workspace,
            events=events,
            limits=self.limits,
            now=self.now,
            is_test=self.api_key.is_test,
            circumstances=self.circumstances,
        )
        log_failures(result.outcomes, request_id=self.circumstances.request_id)
        answer = _answer(result)
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


def _answer(result: many_people.ImportResult) -> Answer:
    recorded = [outcome for outcome in result.outcomes if isinstance(outcome, Recorded)]
    duplicates = sum(outcome.is_duplicate for outcome in recorded)
    failures = [
        {"index": index, "error": f"{path_of(index, outcome.field)} {outcome.message}"}
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
    return Answer(body)
