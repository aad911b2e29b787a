"""Walks an enrollment from step to step in memory: decides, and writes nothing.

Engine and simulation both walk here. The engine carries out what a walk stops at and writes what it
decided; the simulation prints it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, assert_never
from uuid import UUID
from zoneinfo import ZoneInfo

from events.decisions.changes import PersonFacts
from events.language import filters, steps, timing
from events.language.filters import Filter
from events.language.steps.rules import rule_as_wire
from events.models import Enrollment, StepRun
from events.services.engine.loaded_versions import LoadedVersion, PlacedStep

Status = Enrollment.Status


@dataclass(frozen=True, slots=True)
class SeenEvent:
    id: UUID
    received_at: datetime


class Facts(PersonFacts, Protocol):
    """What steps check: the person, the starting event, and later events."""

    @property
    def subscriber_id(self) -> UUID: ...

    @property
    def entered_at(self) -> datetime: ...

    @property
    def event_properties(self) -> Mapping[str, Any]: ...

    def zone(self, timezone: str) -> ZoneInfo:
        """Return the zone that a window's or delay's `timezone` means for the person."""

    def find_event(
        self, name: str, filters: Sequence[Filter], *, since: datetime
    ) -> SeenEvent | None:
        """Return the first matching live event received since, or later in the same request."""

    def received_at(self, event_id: UUID) -> datetime | None:
        """Return when an event was received; None when it is deleted."""

    def has_happened(self, name: str, filters: Sequence[Filter], *, since: datetime | None) -> bool:
        """Tell whether such an event was received since the time, or ever."""


@dataclass(slots=True)
class Position:
    """Where an enrollment stands: at a step that is not done yet, or at the end."""

    placed: PlacedStep | None
    # When the step before ended, by the sequence's own times.
    since: datetime
    # Whether it has waited here, until `due_at` or the event `released_by`.
    is_waiting: bool = False
    due_at: datetime | None = None
    released_by: UUID | None = None


@dataclass(frozen=True, slots=True)
class StepDone:
    placed: PlacedStep
    status: StepRun.Status
    outcome: Mapping[str, Any]
    began_at: datetime
    ended_at: datetime
    email_id: UUID | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Ended:
    status: Enrollment.Status
    reason: str


@dataclass(frozen=True, slots=True)
class Waits:
    """Nothing to do before `due_at`, or before the event or attribute that it `awaits`."""

    due_at: datetime
    awaits: str = ""
    # Why it waits at another kind of step, such as for the sending window.
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Changes:
    step: steps.ChangingStep


@dataclass(frozen=True, slots=True)
class Calls:
    step: steps.CallingStep


@dataclass(slots=True)
class Walked:
    position: Position
    stop: Ended | Waits | Changes | Calls
    done: list[StepDone] = field(default_factory=list)


def walk(*, version: LoadedVersion, position: Position, facts: Facts, now: datetime) -> Walked:
    """Walk from a position to the next wait, change or call, or to the end.

    Steps only lead forwards, so a walk is never longer than the sequence.
    """
    done: list[StepDone] = []
    while (placed := position.placed) is not None:
        decided = _decide(placed.step, version, position, facts, now)
        if not isinstance(decided, _Decision):
            return Walked(position, decided, done)
        ended_at = decided.ended_at or position.since
        status = StepRun.Status.DONE
        done.append(StepDone(placed, status, decided.outcome, position.since, ended_at))
        if decided.stop:
            return Walked(position, decided.stop, done)
        following = version.jump(decided.jump) if decided.jump else version.after(placed)
        if decided.is_skipping and following is not None:
            following = version.after(following)
        position = Position(following, ended_at)
    return Walked(position, Ended(Status.COMPLETED, ""), done)


@dataclass(frozen=True, slots=True)
class _Decision:
    outcome: Mapping[str, Any]
    ended_at: datetime | None = None
    stop: Ended | None = None
    jump: str = ""
    # Leaves out the step that would follow.
    is_skipping: bool = False


def _decide(
    step: steps.Step, version: LoadedVersion, position: Position, facts: Facts, now: datetime
) -> _Decision | Waits | Changes | Calls:
    match step:
        case steps.DelayStep():
            return _delay(step, position, facts, now)
        case steps.WaitForEventStep():
            return _wait(step, position, facts, now)
        case steps.ConditionStep():
            return _condition(step, facts)
        case steps.SplitStep():
            return _split(step, version, facts)
        case steps.ExitStep():
            return _Decision({}, stop=Ended(Status.COMPLETED, "exit"))
        case steps.EmailStep():
            return _window(step, version, facts, now) or Calls(step)
        case steps.WebhookStep():
            return Calls(step)
        case steps.UpdateTagsStep() | steps.UpdateListStep() | steps.UpdateSubscriberStep():
            return Changes(step)
        case _ as never:
            assert_never(never)


def _delay(
    step: steps.DelayStep, position: Position, facts: Facts, now: datetime
) -> _Decision | Waits:
    found = _found(step, position, facts)
    if isinstance(found, timing.Due):
        if found.at > now:
            return Waits(found.at, awaits=timing.awaited(step.delay))
        if not (isinstance(step.delay, timing.UntilDate) and found.at < now - timing.LATEST):
            outcome = {"waitedUntil": _iso(found.at)}
            return _Decision(outcome, ended_at=max(found.at, position.since))
        found = timing.PastDue(step.delay.past_action)
    match found:
        case timing.PastDue():
            problem = "date_past"
        case timing.Missing():
            problem = "date_unreadable" if found.is_unreadable else "date_missing"
        case _ as never:
            assert_never(never)
    outcome = {"reason": problem, "action": found.action}
    if found.action == "exit":
        return _Decision(outcome, stop=Ended(Status.COMPLETED, problem))
    return _Decision(outcome, is_skipping=found.action == "skip")


def _found(
    step: steps.DelayStep, position: Position, facts: Facts
) -> timing.Due | timing.PastDue | timing.Missing:
    """Return when the delay ends; a date is read again, unless an operator ended the wait."""
    delay, due_at = step.delay, position.due_at if position.is_waiting else None
    if due_at and (position.released_by or not isinstance(delay, timing.UntilDate)):
        return timing.Due(due_at)
    found = timing.resolve(
        delay,
        since=position.since,
        zone=facts.zone(getattr(delay, "timezone", "")),
        event_properties=facts.event_properties,
        attributes=facts.attributes,
    )
    is_of_event = isinstance(delay, timing.UntilDate) and delay.source == "event"
    if due_at and is_of_event and isinstance(found, timing.Missing):
        # Events do not change, but old ones are deleted.
        return timing.Due(due_at)
    return found


def _wait(
    step: steps.WaitForEventStep, position: Position, facts: Facts, now: datetime
) -> _Decision | Waits:
    if position.released_by is not None:
        at = facts.received_at(position.released_by) or now
        return _Decision({"event": position.released_by.hex}, ended_at=max(at, position.since))
    times_out_at = position.due_at if position.is_waiting else None
    if times_out_at is None:
        wanted = filters.bound(step.filters, facts.event_properties)
        seen = facts.find_event(step.event_name, wanted, since=position.since)
        if seen is not None:
            return _Decision({"event": seen.id.hex}, ended_at=max(seen.received_at, position.since))
        times_out_at = timing.after(step.timeout, since=position.since, zone=facts.zone(""))
    if times_out_at > now:
        return Waits(times_out_at, awaits=step.event_name)
    outcome = {"timedOut": True, "action": step.on_timeout}
    if step.on_timeout == "exit":
        return _Decision(outcome, times_out_at, stop=Ended(Status.COMPLETED, "timeout"))
    return _Decision(outcome, ended_at=times_out_at)


def _condition(step: steps.ConditionStep, facts: Facts) -> _Decision:
    unmet = _first_unmet(step, facts)
    if unmet is None:
        return _Decision({"isMet": True})
    outcome = {"isMet": False, "unmet": rule_as_wire(unmet), "goesTo": step.on_false}
    if step.on_false == steps.EXIT:
        return _Decision(outcome, stop=Ended(Status.COMPLETED, "condition_not_met"))
    return _Decision(outcome, jump=step.on_false)


def _split(step: steps.SplitStep, version: LoadedVersion, facts: Facts) -> _Decision:
    branch = step.branch_of(subscriber_id=facts.subscriber_id, sequence_id=version.sequence_id)
    outcome = {"branch": branch.id, "goesTo": branch.next}
    if branch.next == steps.EXIT:
        return _Decision(outcome, stop=Ended(Status.COMPLETED, ""))
    return _Decision(outcome, jump=branch.next)


def _first_unmet(step: steps.ConditionStep, facts: Facts) -> steps.Rule | None:
    """Return the first unmet rule; None when the condition is met (`any`: by one rule)."""
    if step.match == "any":
        return None if any(_is_met(rule, facts) for rule in step.rules) else step.rules[0]
    return next((rule for rule in step.rules if not _is_met(rule, facts)), None)


def _is_met(rule: steps.Rule, facts: Facts) -> bool:
    match rule:
        case steps.TagRule():
            return (rule.tag in facts.tags) == rule.is_present
        case steps.ListRule():
            return (rule.list in facts.lists) == rule.is_joined
        case steps.AttributeRule():
            return _is_filter_met(rule.filter, facts.attributes, facts)
        case steps.EventPropertyRule():
            return _is_filter_met(rule.filter, facts.event_properties, facts)
        case steps.EventRule():
            since = facts.entered_at if rule.since == "entry" else None
            wanted = filters.bound(rule.filters, facts.event_properties)
            found = facts.has_happened(rule.event_name, wanted, since=since)
            return found == rule.has_happened
        case _ as never:
            assert_never(never)


def _is_filter_met(wanted: Filter, document: Mapping[str, Any], facts: Facts) -> bool:
    return filters.are_met(filters.bound([wanted], facts.event_properties), document)


def _window(
    step: steps.EmailStep, version: LoadedVersion, facts: Facts, now: datetime
) -> Waits | None:
    """Return the wait until the sending window opens; None when the mail may leave."""
    window = version.sending_window
    if window is None or not step.waits_for_window:
        return None
    opens_at = timing.next_open(window, at=now, zone=facts.zone(window.timezone))
    return Waits(opens_at, reason="sending_window") if opens_at > now else None


def _iso(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
