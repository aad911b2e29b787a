"""An enrollment's history: what each step decided and why, a sentence each."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from config.admin_base import link_to
from config.readable import json_value, moment, sentence, time_tag
from events.language import steps
from events.language.steps.rules import parse_rule
from events.models import Enrollment, Event, StepRun
from events.wording.reasons import REASONS
from events.wording.steps import branch_name, row_in_words, rule_in_words
from subscribers.wire.payloads import InvalidRequest

# A sequence has 100 steps at most; operators may retry some.
MOST_SHOWN = 300
ACTIONS = {
    "exit": "so it ended",
    "skip": "so it skipped the next step",
    "continue": "so it went on",
}
EMAILS = {"sent": "handed over", "unknown": "handed over, and no answer came"}


def sentences(enrollment: Enrollment) -> Iterator[SafeString]:
    """Describe each visit of each step, oldest first; two queries."""
    found = list(
        StepRun.objects.filter(enrollment=enrollment)
        .select_related("step", "email")
        .defer("email__html", "email__text", "email__headers")
        .order_by("started_at", "step__position", "id")[:MOST_SHOWN]
    )
    events = awaited_by(found)
    for step_run in found:
        yield sentence(
            '<span class="cueline-when">{}</span> <strong>{}</strong> {}{}',
            time_tag(step_run.ended_at or step_run.started_at),
            f"{row_in_words(step_run.step)}:",
            f"visit {step_run.visit}; " if step_run.visit > 1 else "",
            what_it_did(step_run, events),
        )


def awaited_by(step_runs: Sequence[StepRun]) -> Mapping[str, Event]:
    """Return the events of one workspace that the step runs name, by id in hex; one query."""
    outcomes = (step_run.outcome.get("event") for step_run in step_runs)
    awaited = {each for each in outcomes if _is_id(each)}
    if not awaited:
        return {}
    rows = Event.objects.filter(pk__in=awaited, workspace_id=step_runs[0].workspace_id)
    return {row.pk.hex: row for row in rows.select_related("definition")}


def what_it_did(step_run: StepRun, events: Mapping[str, Event]) -> SafeString:
    """Return the state of a visit of a step and what it decided; `events` as `awaited_by`."""
    parts: list[SafeString | str] = [step_run.get_status_display().lower()]
    if step_run.email:
        state = step_run.email.get_status_display().lower()
        parts.append(sentence("{} ({})", link_to(step_run.email, "the mail"), state))
    for key, value in sorted(step_run.outcome.items(), key=_place):
        if key == "event" and value in events:
            parts.append(sentence("{} came", link_to(events[value], events[value].definition.name)))
        elif value not in (None, "", []) or key not in WORDINGS:
            parts.append(_part_in_words(key, value))
    if step_run.error:
        tries = "1 attempt" if step_run.attempts == 1 else f"{step_run.attempts} attempts"
        parts.append(sentence("after {}: {}", tries, step_run.error))
    return format_html_join("; ", "{}", ((part,) for part in parts))


def _part_in_words(key: str, value: Any) -> SafeString:  # noqa: ANN401 - any JSON value
    """Return one part of an outcome in words; an unknown part is shown as JSON."""
    describe = WORDINGS.get(key)
    words = describe(value) if describe else None
    if words is not None:
        return sentence("{}", words)
    return sentence("{}: {}", _spaced(key), json_value(value))


def _place(part: tuple[str, Any]) -> tuple[int, str]:
    """Return the part's place in the sentence: PostgreSQL orders keys its own way."""
    key = part[0]
    return (list(WORDINGS).index(key) if key in WORDINGS else len(WORDINGS), key)


def _names(verb: str) -> Callable[[Any], str | None]:
    def describe(value: Any) -> str | None:  # noqa: ANN401 - any JSON value
        return f"{verb} {', '.join(map(str, value))}" if isinstance(value, list) else None

    return describe


def _word(start: str, known: Mapping[str, str]) -> Callable[[Any], str | None]:
    def describe(value: Any) -> str | None:  # noqa: ANN401 - any JSON value
        is_text = isinstance(value, str)
        return f"{start}{known.get(value, value.replace('_', ' '))}" if is_text else None

    return describe


def _moment_in_words(value: Any) -> str | None:  # noqa: ANN401 - any JSON value
    try:
        return f"waited until {moment(datetime.fromisoformat(value))}"
    except (TypeError, ValueError):
        return None


def _unmet_in_words(value: Any) -> str | None:  # noqa: ANN401 - any JSON value
    try:
        rule: steps.Rule = parse_rule(value, path="", is_stored=True)
    except (InvalidRequest, msgspec.ValidationError):
        return None
    return f"not met: {rule_in_words(rule)}"


# The order is the order in the sentence.
WORDINGS: Mapping[str, Callable[[Any], str | None]] = {
    "waitedUntil": _moment_in_words,
    "event": lambda value: f"the event {value} came, which was deleted since",
    "timedOut": lambda value: "it did not come in time" if value is True else None,
    "isMet": lambda value: "met" if value is True else "not met",
    "unmet": _unmet_in_words,
    "branch": lambda value: f"branch {branch_name(str(value))}",
    "goesTo": lambda value: "so it ended" if value == "exit" else f"so it went to {value}",
    "reason": _word("because ", REASONS),
    "refused": _word("refused: ", REASONS),
    "action": _word("", ACTIONS),
    "email": _word("", EMAILS),
    "tagsAdded": _names("added"),
    "tagsRemoved": _names("removed"),
    "listsJoined": _names("joined"),
    "listsLeft": _names("left"),
    "gone": _names("no longer there:"),
    "changed": _names("changed"),
    "missing": _names("kept, as there was no new value:"),
    "status": lambda value: f"it answered {value}",
    "milliseconds": lambda value: f"in {value} ms",
}


def _spaced(key: str) -> str:
    """Return `mailIsPaused` as `mail is paused`."""
    return "".join(f" {sign.lower()}" if sign.isupper() else sign for sign in key)


def _is_id(value: object) -> bool:
    return isinstance(value, str) and len(value) == 32 and set(value) <= set("0123456789abcdef")  # noqa: PLR2004 - 128 bits
