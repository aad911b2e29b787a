"""The step `delay`: waits for a time."""

from typing import Any, ClassVar, Self

from events.language import timing
from events.language.fields import Fields
from events.language.steps.kinds.base import BaseStep


class DelayStep(BaseStep, frozen=True):
    kind: ClassVar = "delay"
    is_harmless = is_wait = True

    delay: timing.Delay

    @classmethod
    def read(cls, fields: Fields) -> Self:
        return cls(delay=read_delay(fields))

    @property
    def may_skip(self) -> bool:
        """Whether it may leave out the step that would follow."""
        delay = self.delay
        if not isinstance(delay, timing.UntilDate):
            return False
        return "skip" in (delay.missing_action, delay.past_action)

    def as_wire(self) -> dict[str, Any]:
        parts = super().as_wire()
        del parts["delay"]
        return parts | timing.delay_as_wire(self.delay)


def read_delay(fields: Fields) -> timing.Delay:
    """Return the delay that the fields describe, of a delay step or before another."""
    nothing: timing.Delay = timing.Duration(0)
    return fields.collect(lambda: timing.parse_delay(fields.raw, path=fields.path), nothing)
