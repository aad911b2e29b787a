"""Conditions: which rule of a step keeps a person from going straight on."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from events.language import filters, steps
from events.language.filters import Filter
from events.language.steps.rules import rule_as_wire


class ConditionFacts(Protocol):
    """What conditions look at."""

    @property
    def entered_at(self) -> datetime:
        """When the enrollment began."""

    @property
    def tags(self) -> set[str]:
        """Names of tags."""

    @property
    def lists(self) -> set[str]:
        """Ids of lists, on the wire."""

    @property
    def attributes(self) -> Mapping[str, Any]:
        """The person's attributes."""

    @property
    def event_properties(self) -> Mapping[str, Any]:
        """The properties of the event that started the enrollment."""

    def has_happened(self, name: str, filters: Sequence[Filter], *, since: datetime | None) -> bool:
        """Tell whether such an event was recorded."""


def judge(step: steps.ConditionStep, *, facts: ConditionFacts) -> dict[str, Any] | None:
    """Return the first unmet rule as on the wire, or None when the condition is met.

    With `any`, one met rule is enough.
    """
    unmet = None
    for rule in step.rules:
        if _is_met(rule, facts):
            if step.match == "any":
                return None
        elif unmet is None:
            unmet = rule
            if step.match == "all":
                break
    return rule_as_wire(unmet) if unmet is not None else None


def _is_met(rule: steps.Rule, facts: ConditionFacts) -> bool:
    match rule:
        case steps.TagRule():
            return (rule.tag in facts.tags) == rule.is_borne
        case steps.ListRule():
            return (rule.list in facts.lists) == rule.is_joined
        case steps.AttributeRule():
            return filters.is_met(rule.filter, facts.attributes)
        case steps.EventPropertyRule():
            return filters.is_met(rule.filter, facts.event_properties)
        case steps.EventRule():
            since = facts.entered_at if rule.since == "entry" else None
            found = facts.has_happened(rule.event_name, rule.filters, since=since)
            return found == rule.has_happened
