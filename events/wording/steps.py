"""A sequence's steps, triggers and delays in words; what is unreadable stays visible."""

import re
from collections.abc import Iterable
from string import ascii_uppercase
from typing import assert_never

from events.language import steps, timing
from events.language.filters import Filter, Operator
from events.language.steps.kinds.webhook import masked_url
from events.language.timing.delays import HOUR, MINUTE
from events.models import Step
from subscribers.wire.payloads import InvalidRequest

LENGTHS = ((HOUR, "hour"), (MINUTE, "minute"), (1000, "second"), (1, "millisecond"))
OPERATORS = {
    Operator.EXISTS: "is there",
    Operator.NOT_EXISTS: "is not there",
    Operator.EQUALS: "is",
    Operator.NOT_EQUALS: "is not",
    Operator.ONE_OF: "is one of",
    Operator.CONTAINS: "contains",
    Operator.GREATER_THAN: "is greater than",
    Operator.LESS_THAN: "is less than",
}
# A merge tag such as `{{ subscriber.firstName | friend }}`, or a tag such as `{% if … %}`.
_TAG = re.compile(r"\{\{-?\s*+([\w.]++)[^{}]*+\}\}|\{%[^{}]*%\}")
_UNNAMED_BRANCH = re.compile(r"branch-(\d)")
_CAPITAL = re.compile(r"(?<=[a-z])[A-Z]")
ON_ERROR = {"fail": "", "continue": ", go on if that fails", "exit": ", end if that fails"}


def row_in_words(row: Step) -> str:
    """Return a stored step with its place, by its label where it has one."""
    try:
        step = steps.from_stored(row.config)
    except InvalidRequest:
        return str(row)
    return f"{row.position + 1}. {step.label or drawn_in_words(step)}"


def in_words(step: steps.Step) -> str:  # noqa: C901, PLR0911 - one return a kind
    match step:
        case steps.EmailStep():
            kind = "Transactional email" if step.is_transactional else "Email"
            end = ", or end if it fails" if step.on_failure == "end" else ""
            in_window = step.is_transactional and step.respect_window
            window = ", in the sending window" if in_window else ""
            return f"{kind} “{with_kind_tags(step.subject)}”{window}{end}"
        case steps.DelayStep():
            return delay_in_words(step.delay)
        case steps.WaitForEventStep():
            then = "then end" if step.on_timeout == "exit" else "then go on"
            limit = length_in_words(step.timeout)
            met = filters_in_words(step.filters)
            return f"Wait for {step.event_name}{met and f' where {met}'}, at most {limit}, {then}"
        case steps.ConditionStep():
            return condition_in_words(step)
        case steps.SplitStep():
            return split_in_words(step)
        case steps.UpdateTagsStep():
            return _pair("Tags", ("add", step.add), ("remove", step.remove))
        case steps.UpdateListStep():
            return _pair("Lists", ("join", step.join), ("leave", step.leave))
        case steps.UpdateSubscriberStep():
            return "Change the person: " + ", ".join(_changes(step))
        case steps.WebhookStep():
            method = "" if step.method == "POST" else f" with {step.method}"
            return f"Call {masked_url(step.url)}{method}{ON_ERROR[step.on_error]}"
        case steps.ExitStep():
            return "End here"
        case _ as never:
            assert_never(never)


def with_kind_tags(text: str) -> str:
    """Return a text with `[first name]` for its merge tags, and without its other tags."""
    return _TAG.sub(lambda found: f"[{_in_words_of_path(found[1])}]" if found[1] else "", text)


def _in_words_of_path(path: str) -> str:
    names = path.split(".")
    while len(names) > 1 and names[0] in {"subscriber", "event", "attributes"}:
        names = names[1:]
    return _CAPITAL.sub(lambda found: f" {found[0].lower()}", " ".join(names)).replace("_", " ")


def drawn_in_words(step: steps.Step) -> str:
    """Return what a step does, without where it leads: a drawing shows that."""
    match step:
        case steps.ConditionStep():
            return f"If {rules_in_words(step)}"
        case steps.SplitStep():
            return "Split by chance"
        case _:
            return in_words(step)


def branch_name(branch_id: str) -> str:
    """Return a branch's id, or A for `branch-0`: nobody gave it a name."""
    unnamed = _UNNAMED_BRANCH.fullmatch(branch_id)
    return ascii_uppercase[int(unnamed[1])] if unnamed else branch_id


def shares_in_words(step: steps.SplitStep) -> dict[str, str]:
    """Return each branch's share of the people, by its name."""
    whole = sum(branch.weight for branch in step.branches)
    return {branch.id: f"{branch.weight / whole:.0%}" for branch in step.branches}


def delay_in_words(delay: timing.Delay) -> str:
    match delay:
        case timing.Duration():
            return f"Wait {length_in_words(delay)}"
        case timing.UntilDate():
            days, rest = delay.offset_days, delay.offset_milliseconds
            length = length_in_words(timing.Duration(abs(rest), abs(days)))
            moved = f"{length} {'before' if (days or rest) < 0 else 'after'} "
            whose = "the event's" if delay.source == "event" else "the person's"
            when = "the next anniversary of " if delay.anniversary else ""
            return f"Wait until {moved if days or rest else ''}{when}{whose} {delay.field}"
        case timing.UntilWeekday():
            return f"Wait until {hours_in_words(delay)}"


def hours_in_words(hours: timing.UntilWeekday | timing.SendingWindow) -> str:
    """Return the days and hours of a window, with its zone."""
    days = "every day" if len(hours.days) == 7 else ", ".join(d.title() for d in hours.days)  # noqa: PLR2004 - a week
    clock = f" from {hours.start} to {hours.end}" if hours.end else f" at {hours.start}"
    clock = "" if hours.start == hours.end else clock
    zone = {"": "the person's time", "workspace": "the workspace's time"}.get(
        hours.timezone, hours.timezone
    )
    return f"{days}{clock} ({zone})"


def length_in_words(length: timing.Duration) -> str:
    """Return a length such as `2 days 3 hours`."""
    parts = [f"{length.days} day{'' if length.days == 1 else 's'}"] if length.days else []
    milliseconds = length.milliseconds
    for size, name in LENGTHS:
        count, milliseconds = divmod(milliseconds, size)
        if count:
            parts.append(f"{count} {name}{'' if count == 1 else 's'}")
    return " ".join(parts) or "no time"


def condition_in_words(step: steps.ConditionStep) -> str:
    """Return the rules of a condition, and where it leads otherwise."""
    return f"Only if {rules_in_words(step)}, otherwise {_way_in_words(step.on_false)}"


def rules_in_words(step: steps.ConditionStep) -> str:
    joint = " and " if step.match == "all" else " or "
    return joint.join(map(rule_in_words, step.rules))


def split_in_words(step: steps.SplitStep) -> str:
    """Return the branches with their shares, and where each leads."""
    shares = shares_in_words(step)
    ways = (
        f"{shares[branch.id]} {branch_name(branch.id)} ({_way_in_words(branch.next)})"
        for branch in step.branches
    )
    return f"Split: {', '.join(ways)}"


def _way_in_words(target: str) -> str:
    return "end" if target == steps.EXIT else f"go to {target}"


def rule_in_words(rule: steps.Rule) -> str:
    match rule:
        case steps.TagRule():
            return f"{'tag' if rule.is_present else 'no tag'} {rule.tag}"
        case steps.ListRule():
            return f"{'on' if rule.is_joined else 'not on'} list {rule.list}"
        case steps.AttributeRule():
            return f"attribute {filters_in_words([rule.filter])}"
        case steps.EventPropertyRule():
            return f"the event's {filters_in_words([rule.filter])}"
        case steps.EventRule():
            verb = "happened" if rule.has_happened else "did not happen"
            since = "ever" if rule.since == "ever" else "since entry"
            met = filters_in_words(rule.filters)
            return f"{rule.event_name}{met and f' where {met}'} {verb} {since}"


def filters_in_words(filters: Iterable[Filter]) -> str:
    """Return filters with `and` between them; "" for none."""
    return " and ".join(map(_filter_in_words, filters))


def _filter_in_words(wanted: Filter) -> str:
    value = wanted.value
    if wanted.entry_path:
        return (
            f"{wanted.path} {OPERATORS[wanted.operator]} the starting event's {wanted.entry_path}"
        )
    if value is None:
        return f"{wanted.path} {OPERATORS[wanted.operator]}"
    values = value if isinstance(value, tuple) else (value,)
    return f"{wanted.path} {OPERATORS[wanted.operator]} {', '.join(map(str, values))}"


def _pair(title: str, *named: tuple[str, Iterable[str]]) -> str:
    parts = [f"{verb} {', '.join(names)}" for verb, names in named if names]
    return f"{title}: {'; '.join(parts)}"


def _changes(step: steps.UpdateSubscriberStep) -> Iterable[str]:
    if step.first_name is not None:
        yield f"first name {step.first_name or 'cleared'}"
    if step.last_name is not None:
        yield f"last name {step.last_name or 'cleared'}"
    if step.status is not None:
        yield f"status {step.status}"
    yield from step.attributes
