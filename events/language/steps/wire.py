"""Steps as callers send them and files hold them, made of the steps as values."""

from typing import Any

from events.language import filters, timing
from events.language.steps.rules import rule_as_wire
from events.language.steps.types import (
    DEFAULT_TIMEOUT,
    EXIT,
    ConditionStep,
    DelayStep,
    EmailStep,
    ExitStep,
    Step,
    UpdateListStep,
    UpdateSubscriberStep,
    UpdateTagsStep,
    WaitForEventStep,
    WebhookStep,
)

# What is left out of a step, by its name on the wire.
DEFAULTS: dict[str, object] = {
    "label": "",
    "previewText": "",
    "html": "",
    "text": "",
    "isTransactional": False,
    "propertyFilters": [],
    "timeout": timing.length_as_wire(DEFAULT_TIMEOUT),
    "onTimeout": "continue",
    "match": "all",
    "onFalse": EXIT,
    "add": [],
    "remove": [],
    "join": [],
    "leave": [],
    "firstName": None,
    "lastName": None,
    "status": None,
    "attributes": {},
    "onError": "fail",
}


def step_as_wire(step: Step) -> dict[str, Any]:
    """Return the step with the names of the contract, without what is default."""
    kind = type(step).__struct_config__.tag
    parts = {"type": kind, "id": step.id, "label": step.label, **_own_parts(step)}
    return {
        name: value
        for name, value in parts.items()
        if name not in DEFAULTS or value != DEFAULTS[name]
    }


def _own_parts(step: Step) -> dict[str, Any]:  # noqa: PLR0911 - one return a kind
    match step:
        case EmailStep():
            return {
                "subject": step.subject,
                "previewText": step.preview_text,
                "html": step.html,
                "text": step.text,
                "isTransactional": step.is_transactional,
            }
        case DelayStep():
            return timing.delay_as_wire(step.delay)
        case WaitForEventStep():
            return {
                "eventName": step.event_name,
                "propertyFilters": filters.as_wire(step.filters),
                "timeout": timing.length_as_wire(step.timeout_milliseconds),
                "onTimeout": step.on_timeout,
            }
        case ConditionStep():
            return {
                "rules": [rule_as_wire(rule) for rule in step.rules],
                "match": step.match,
                "onFalse": step.on_false,
            }
        case UpdateTagsStep():
            return {"add": list(step.add), "remove": list(step.remove)}
        case UpdateListStep():
            return {"join": list(step.join), "leave": list(step.leave)}
        case UpdateSubscriberStep():
            return {
                "firstName": step.first_name,
                "lastName": step.last_name,
                "status": step.status,
                "attributes": step.attributes,
            }
        case WebhookStep():
            return {"url": step.url, "onError": step.on_error}
        case ExitStep():
            return {}
