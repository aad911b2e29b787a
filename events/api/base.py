"""The shared base of the endpoints that take events."""

import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cached_property

from config.http.errors import request_id_of
from events.intake.payloads import EventDraft, Limits, RejectedEvent
from events.services.ingestion import ingest, metrics
from events.services.ingestion.recording import Failed, Outcome, reject
from events.services.ingestion.request import IngestRequest, current_limits
from subscribers.api.base import ApiView
from subscribers.api.errors import ApiError
from subscribers.models.api_key import Scope
from subscribers.services.consent.ledger import Circumstances
from subscribers.wire import json_gate
from subscribers.wire.payloads import Fault, InvalidRequest, Person

logger = logging.getLogger("cueline.events")
MOST_FAILURE_LINES = 20


class EventsApiView(ApiView):
    """An endpoint that takes events by POST."""

    http_method_names = ["post"]  # noqa: RUF012 - Django declares it on the instance
    required_scope = Scope.EVENTS_WRITE
    query_parameters = frozenset({"dryRun"})

    @cached_property
    def limits(self) -> Limits:
        return current_limits()

    @property
    def circumstances(self) -> Circumstances:
        """What the consent ledger records of this request; its IP address is an application's."""
        return Circumstances(api_key=self.api_key, request_id=request_id_of(self.request))

    def ingest_request(
        self, person: Person, events: Sequence[EventDraft | RejectedEvent]
    ) -> IngestRequest:
        return IngestRequest(
            workspace=self.workspace,
            person=person,
            events=events,
            limits=self.limits,
            now=self.now,
            is_test=self.api_key.is_test,
            circumstances=self.circumstances,
        )

    def is_dry_run(self) -> bool:
        """Return whether nothing is stored; such a request cannot be replayed."""
        is_dry_run = self.read_flag("dryRun")
        if is_dry_run:
            self.refuse_idempotency_key(because="together with dryRun")
        return is_dry_run

    def refuse_when_all_wrong(self, events: Sequence[object]) -> None:
        """Raise `InvalidRequest` with one fault an event when no event can be recorded."""
        rejected = [event for event in events if isinstance(event, RejectedEvent)]
        if len(rejected) == len(events):
            self.note_rejected(rejected)
            first = rejected[0].fault
            if all(event.code == json_gate.InvalidJson.code for event in rejected):
                raise json_gate.InvalidJson(f"{path_of(0, first.path)} {first.message}")
            faults = [
                Fault(path_of(index, event.fault.path), event.fault.message)
                for index, event in enumerate(rejected)
            ]
            raise InvalidRequest(*faults)

    def note_rejected(self, events: Sequence[RejectedEvent]) -> None:
        """Count and log the events of a request that is refused because all of them are wrong."""
        if not self.is_dry_run():
            outcomes = [reject(event) for event in events]
            metrics.note_outcomes(outcomes)
            log_failures(outcomes, request_id=request_id_of(self.request))

    def nothing_recorded(
        self, error: ingest.NothingRecorded, *, faults: Sequence[Fault]
    ) -> Exception:
        """Return the error of a request whose events all failed: our fault, or the caller's."""
        if not self.is_dry_run():
            log_failures(error.outcomes, request_id=request_id_of(self.request))
        if error.is_our_fault:
            return ApiError("INTERNAL", "No event could be written; nothing was recorded.")
        return InvalidRequest(*faults)


def log_failures(outcomes: Sequence[Outcome], *, request_id: str) -> None:
    """Log which events of a request failed, with code and field; never a value that was sent."""
    failed = [(index, each) for index, each in enumerate(outcomes) if isinstance(each, Failed)]
    extra = {"request_id": request_id}
    for index, each in failed[:MOST_FAILURE_LINES]:
        field = each.field or "(the whole event)"
        logger.info("events[%d] failed: %s in %s", index, each.code, field, extra=extra)
    if len(failed) > MOST_FAILURE_LINES:
        logger.info("%d of %d events failed in all.", len(failed), len(outcomes), extra=extra)


def path_of(index: int, field: str) -> str:
    return f"events[{index}].{field}" if field else f"events[{index}]"


def wire_time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
