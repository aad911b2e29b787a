"""The step `wait_for_event`: waits until an event comes."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, Literal, Self

import msgspec

from events.intake.payloads import LONGEST_NAME
from events.language import filters, timing
from events.language.fields import Fields, whole_number_reader
from events.language.filters import Filter
from events.language.steps.kinds.base import BaseStep
from events.language.timing import Duration
from subscribers.wire.payloads import Fault, InvalidField, InvalidRequest

DEFAULT_TIMEOUT = Duration(days=7)  # as the contract has it
MOST_TIMEOUT_DAYS = 365
SHORTEST_TIMEOUT = 60_000  # milliseconds


class WaitForEventStep(BaseStep, frozen=True):
    """Waits until such an event comes, at most for the timeout (1 minute to 365 days)."""

    kind: ClassVar = "wait_for_event"
    is_harmless = is_wait = True

    event_name: str
    filters: tuple[Filter, ...] = msgspec.field(default=(), name="propertyFilters")
    timeout: Duration = DEFAULT_TIMEOUT
    on_timeout: Literal["continue", "exit"] = "continue"

    @classmethod
    def read(cls, fields: Fields) -> Self:
        return cls(
            event_name=fields.read_needed_name("eventName", longest=LONGEST_NAME),
            filters=fields.read_nested(
                "propertyFilters", partial(filters.parse_filters, may_use_entry=True), ()
            ),
            timeout=fields.read_nested("timeout", _parse_timeout, DEFAULT_TIMEOUT),
            on_timeout=fields.read_choice("onTimeout", ("continue", "exit"), "continue"),
        )

    @property
    def event_names(self) -> Sequence[str]:
        return (self.event_name,)

    @property
    def filters_used(self) -> Sequence[Filter]:
        return self.filters

    def as_wire(self) -> dict[str, Any]:
        parts = super().as_wire()
        if self.filters:
            parts["propertyFilters"] = filters.as_wire(self.filters)
        if "timeout" in parts:
            parts["timeout"] = timing.length_as_wire(self.timeout)
        return parts


def _parse_timeout(raw: object, *, path: str) -> Duration:
    """Return the length; a number counts days."""
    if raw is None:
        return DEFAULT_TIMEOUT
    if not isinstance(raw, Mapping):
        try:
            return Duration(days=whole_number_reader(1, MOST_TIMEOUT_DAYS)(raw))
        except InvalidField as error:
            message = f"{str(error)[:-1]} (days), or an object with days, hours and minutes."
            raise InvalidRequest(Fault(path, message)) from error
    length = timing.parse_length(raw, path=path)
    if not length.days and length.milliseconds < SHORTEST_TIMEOUT:
        raise InvalidRequest(Fault(path, "is too short: 1 minute to 365 days."))
    return length
