"""What the endpoints that take events share."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache, cached_property

from django.conf import settings

from config.http.errors import request_id_of
from events.intake.payloads import Limits, RejectedEvent
from events.services.ingestion import ingest
from subscribers.api.base import ApiView
from subscribers.api.errors import ApiError
from subscribers.models.api_key import Scope
from subscribers.services.consent.ledger import Circumstances
from subscribers.wire.payloads import Fault, InvalidRequest


class EventsApiView(ApiView):
    """An endpoint that takes events by POST."""

    http_method_names = ["post"]  # noqa: RUF012 - Django declares it on the instance
    required_scope = Scope.EVENTS_WRITE

    @cached_property
    def limits(self) -> Limits:
        """The contract's limits, as this installation sets them."""
        return current_limits()

    @property
    def circumstances(self) -> Circumstances:
        """What the ledger of consent says of this request; its address is an application's."""
        return Circumstances(api_key=self.api_key, request_id=request_id_of(self.request))

    def is_dry_run(self) -> bool:
        """Tell whether nothing is to be kept; such a request cannot be replayed."""
        is_dry_run = self.read_flag("dryRun")
        if is_dry_run:
            self.refuse_idempotency_key(because="together with dryRun")
        return is_dry_run


@cache
def current_limits() -> Limits:
    """Return the contract's limits, as this installation sets them; settings do not change."""
    return Limits(
        events=settings.MAX_EVENTS_PER_REQUEST,
        properties_bytes=settings.MAX_PROPERTIES_BYTES,
        attributes_bytes=settings.MAX_ATTRIBUTES_BYTES,
        definitions=settings.MAX_DEFINITIONS,
        history_after=settings.HISTORY_AFTER,
        oldest=settings.MAX_EVENT_AGE,
        furthest_ahead=settings.MAX_EVENT_LEAD,
    )


def refuse_when_all_wrong(events: Sequence[object]) -> None:
    """Raise `InvalidRequest` with one fault an event when no event can be recorded."""
    rejected = [event for event in events if isinstance(event, RejectedEvent)]
    if len(rejected) == len(events):
        faults = [
            Fault(path_of(index, event.fault.path), event.fault.message)
            for index, event in enumerate(rejected)
        ]
        raise InvalidRequest(*faults)


def nothing_recorded(error: ingest.NothingRecorded, *, faults: Sequence[Fault]) -> Exception:
    """Return what a request ends with whose events all failed: our fault, or the caller's."""
    if error.is_our_fault:
        return ApiError("INTERNAL", "No event could be written; nothing was recorded.")
    return InvalidRequest(*faults)


def path_of(index: int, field: str) -> str:
    """Return the path of a field within the array `events`."""
    return f"events[{index}].{field}" if field else f"events[{index}]"


def wire_time(moment: datetime) -> str:
    """Return a time as the wire has it: UTC with `Z`."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
