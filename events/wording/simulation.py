"""A simulation in sentences, and as text for a terminal: a line a step, its mail below it."""

import json
import re
import textwrap
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from events.language import steps, timing
from events.language.steps.rules import parse_rule
from events.models import Sequence
from events.services.simulation import Ending, Entry, Simulation, Visit
from events.wording.reasons import reason_in_words
from events.wording.sequences import WAYS_IN, stop_in_words
from events.wording.steps import branch_name, in_words, rule_in_words
from subscribers.ids import encode
from subscribers.models import List
from subscribers.services.outbox.outbox import Draft
from subscribers.wire import link_tokens

CHANGES = (
    ("tagsAdded", "adds"),
    ("tagsRemoved", "removes"),
    ("listsJoined", "joins"),
    ("listsLeft", "leaves"),
    ("changed", "changes"),
    ("gone", "no longer there:"),
    ("missing", "keeps, as there is no new value:"),
    ("starts", "starts"),
)
INDENT = "      "
LIST_ID = re.compile(r"\blst_[0-9a-f]{32}\b")


def lines(simulation: Simulation, *, with_html: bool) -> Iterator[str]:
    """Yield the lines; characters that could control a terminal are replaced."""
    for line in _lines(simulation, with_html=with_html):
        yield "".join(sign if sign.isprintable() or sign in "\n\t" else "\ufffd" for sign in line)


def _lines(simulation: Simulation, *, with_html: bool) -> Iterator[str]:
    sequence, someone = simulation.sequence, simulation.someone
    known = f"known, {someone.status}" if someone.is_known else f"not known, {someone.status}"
    yield f"{sequence.name} ({sequence.key}, {sequence.status})"
    yield f"Person: {someone.subscriber.email} ({known})"
    yield f"Enters: {entry_in_words(simulation.entry)}"
    yield f"Ends early by: {stop_in_words(sequence)}"
    for problem in simulation.readiness.problems:
        yield f"Not ready: {problem}"
    for warning in simulation.readiness.warnings:
        yield f"Warning: {warning}"
    for note in simulation.notes:
        yield f"Note: {note}"
    yield ""
    zone = timing.zone_of(sequence.workspace.timezone)
    names = _list_names(sequence)
    for visit in simulation.path.visits:
        number, (label, decision) = visit.placed.position + 1, visit_in_words(visit, zone, names)
        yield f"{_on_clock(moment_of(visit), zone)}  {number}. {label} → {decision}"
        yield from _contents(visit, with_html=with_html)
    ending = simulation.path.ending
    if ending:
        yield f"{_on_clock(ending.at, zone)}  {ending_in_words(ending)}"
    elif simulation.path.visits:
        yield "More steps follow: see --limit."
    yield ""
    yield "Nothing was written, sent or called."


def told(simulation: Simulation) -> list[tuple[Visit, str, str]]:
    """Return the steps, each with its label and its decision; one query."""
    zone = timing.zone_of(simulation.sequence.workspace.timezone)
    names = _list_names(simulation.sequence)
    return [(visit, *visit_in_words(visit, zone, names)) for visit in simulation.path.visits]


def moment_of(visit: Visit) -> datetime:
    """Return when a mail leaves, and when a wait begins."""
    return visit.began_at if visit.placed.step.is_wait else visit.ended_at


def visit_in_words(
    visit: Visit, zone: ZoneInfo, name_of_list: Callable[[re.Match[str]], str]
) -> tuple[str, str]:
    """Return what the step is, and what was decided at it."""
    label = visit.placed.step.label or in_words(visit.placed.step)
    return LIST_ID.sub(name_of_list, label), LIST_ID.sub(name_of_list, _decision(visit, zone))


def ending_in_words(ending: Ending) -> str:
    how = reason_in_words(ending.reason) or "the last step is done"
    return f"{ending.status.capitalize()}: {how}."


def entry_in_words(entry: Entry) -> str:
    by = f"{WAYS_IN[entry.by][0]} {entry.name}".strip()
    if entry.would_enter:
        return f"yes, by {by}"
    at = f" at {entry.path}" if entry.path else ""
    return f"no, by {by}: {reason_in_words(entry.reason)}{at} ({entry.reason}). Else:"


def _on_clock(at: datetime, zone: ZoneInfo) -> str:
    """Return a moment by the workspace's clock, and in UTC where that differs."""
    utc = f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    if zone.key == "UTC":
        return utc
    try:
        local = at.astimezone(zone)
    except OverflowError:
        # An event may have a date at the end of the calendar.
        return utc
    return f"{local:%Y-%m-%d %H:%M:%S} {zone.key} = {utc}"


def _local(at: datetime, zone: ZoneInfo) -> str:
    """Return a moment by the clock that its line begins with."""
    try:
        return f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S}"
    except OverflowError:
        return _on_clock(at, zone)


def _list_names(sequence: Sequence) -> Callable[[re.Match[str]], str]:
    """Return a function that replaces a list's id with its name; one query."""
    rows = List.objects.filter(workspace=sequence.workspace_id)
    names = {encode("lst", pk): name for pk, name in rows.values_list("pk", "name")}
    return lambda found: names.get(found[0], found[0])


def _decision(visit: Visit, zone: ZoneInfo) -> str:  # noqa: PLR0911 - one return a kind
    step, outcome = visit.placed.step, visit.outcome
    if visit.error:
        return f"fails. {visit.error}"
    match step:
        case steps.ConditionStep():
            return _condition_decision(outcome)
        case steps.SplitStep():
            return f"branch {branch_name(outcome['branch'])}: {_way(outcome['goesTo'])}"
        case steps.EmailStep():
            return _mail_decision(visit, zone)
        case steps.DelayStep():
            return _delay_decision(visit, zone)
        case steps.WaitForEventStep():
            return _wait_decision(visit, zone)
        case steps.WebhookStep():
            return "is not called here. It would send:"
        case steps.ExitStep():
            return "ends here"
        case _:
            return _change_decision(outcome)


def _mail_decision(visit: Visit, zone: ZoneInfo) -> str:
    reason = visit.outcome.get("reason")
    if reason:
        return f"is skipped: {reason_in_words(reason)} ({reason}). It would be:"
    if visit.ended_at > visit.began_at:
        return f"leaves, held by the sending window since {_local(visit.began_at, zone)}"
    return "leaves"


def _delay_decision(visit: Visit, zone: ZoneInfo) -> str:
    outcome = visit.outcome
    if "reason" not in outcome:
        is_over = visit.ended_at <= visit.began_at
        return "is over at once" if is_over else f"until {_local(visit.ended_at, zone)}"
    then = {"continue": "goes on", "skip": "skips the next step", "exit": "ends"}
    return f"{reason_in_words(outcome['reason'])}: {then[outcome['action']]}"


def _wait_decision(visit: Visit, zone: ZoneInfo) -> str:
    outcome, until = visit.outcome, _local(visit.ended_at, zone)
    if outcome.get("timedOut"):
        then = "ends" if outcome["action"] == "exit" else "goes on"
        return f"{then} at {until} without it; with it, goes on as soon as it comes"
    limit = outcome.get("timesOutAt")
    at_most = f", would wait until {_local(limit, zone)}" if limit else ""
    if outcome.get("isAssumed"):
        return f"is taken to come at once{at_most}: goes on"
    return f"comes at {until} ({outcome['event']}){at_most}: goes on"


def _condition_decision(outcome: Any) -> str:  # noqa: ANN401 - a step run's outcome
    if outcome.get("isMet"):
        return "met: goes on"
    unmet = parse_rule(outcome["unmet"], path="unmet", is_stored=True)
    return f"not met ({rule_in_words(unmet)}): {_way(outcome['goesTo'])}"


def _way(target: str) -> str:
    return "ends" if target == steps.EXIT else f"goes to {target}"


def _change_decision(outcome: Any) -> str:  # noqa: ANN401 - as above
    parts = [f"{verb} {', '.join(outcome[key])}" for key, verb in CHANGES if outcome.get(key)]
    if "refused" in outcome:
        parts.append(reason_in_words(outcome["refused"]))
    return "; ".join(parts) or "changes nothing"


def _contents(visit: Visit, *, with_html: bool) -> Iterator[str]:
    if visit.mail:
        yield from _mail_lines(visit.mail, with_html=with_html)
    if visit.call:
        yield f"{INDENT}{visit.call.method} {visit.call.url}"
        for name, value in visit.call.masked_headers.items():
            yield f"{INDENT}{name}: {value}"
    if visit.call and visit.call.body:
        body = json.loads(visit.call.body)
        yield textwrap.indent(json.dumps(body, indent=2, ensure_ascii=False), INDENT)


def _mail_lines(mail: Draft, *, with_html: bool) -> Iterator[str]:
    yield f"{INDENT}From: {mail.sender}"
    if mail.reply_to:
        yield f"{INDENT}Reply-To: {mail.reply_to}"
    yield f"{INDENT}To: {mail.recipient}"
    yield f"{INDENT}Subject: {link_tokens.hidden(mail.subject)}"
    yield _quoted(link_tokens.hidden(mail.text))
    if with_html and mail.html:
        yield f"{INDENT}HTML:"
        yield _quoted(link_tokens.hidden(mail.html))
    for note in mail.notes.splitlines():
        yield f"{INDENT}Note: {note}."


def _quoted(text: str) -> str:
    return "\n".join(f"{INDENT}| {line}".rstrip() for line in text.rstrip().splitlines())
