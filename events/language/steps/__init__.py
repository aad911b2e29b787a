"""The steps of a sequence, under one name: as values, as stored, and on the wire.

The values are in `step_types`; what callers send is read by `step_parsing`.
"""

import json
from collections.abc import Iterable
from typing import Any

import msgspec

from events.language.steps.parsing import parse_steps
from events.language.steps.types import (
    AttributeRule,
    ConditionStep,
    DelayStep,
    EmailStep,
    EventPropertyRule,
    EventRule,
    ExitStep,
    ListRule,
    Rule,
    Step,
    TagRule,
    UpdateListStep,
    UpdateSubscriberStep,
    UpdateTagsStep,
    WaitForEventStep,
    WebhookStep,
)
from events.language.steps.wire import step_as_wire

__all__ = [
    "AttributeRule", "ConditionStep", "DelayStep", "EmailStep", "EventPropertyRule", "EventRule",
    "ExitStep", "ListRule", "Rule", "Step", "TagRule", "UpdateListStep", "UpdateSubscriberStep",
    "UpdateTagsStep", "WaitForEventStep", "WebhookStep", "as_wire", "events_needed",
    "from_stored", "parse_steps", "to_stored",
]  # fmt: skip


def to_stored(steps: Iterable[Step]) -> list[dict[str, Any]]:
    """Return the steps as JSON objects, with `type` and `id` in each."""
    # msgspec leaves tuples as they are, which a database gives back as lists.
    stored: list[dict[str, Any]] = json.loads(json.dumps(msgspec.to_builtins(list(steps))))
    return stored


def from_stored(stored: Iterable[dict[str, Any]]) -> tuple[Step, ...]:
    """Return the steps; raises `msgspec.ValidationError` for what `to_stored` did not make."""
    return msgspec.convert(list(stored), tuple[Step, ...])


def as_wire(steps: Iterable[Step]) -> list[dict[str, Any]]:
    """Return the steps so that `parse_steps` gives them back, without what is default."""
    return [step_as_wire(step) for step in steps]


def events_needed(steps: Iterable[Step]) -> set[str]:
    """Return the names of the events that waits and conditions look for."""
    needed: set[str] = set()
    for step in steps:
        if isinstance(step, WaitForEventStep):
            needed.add(step.event_name)
        elif isinstance(step, ConditionStep):
            needed.update(rule.event_name for rule in step.rules if isinstance(rule, EventRule))
    return needed
