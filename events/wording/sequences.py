"""A sequence in sentences: its trigger, its exit condition, its steps and its enrollments."""

from collections.abc import Mapping
from typing import assert_never

import msgspec
from django.utils.text import capfirst

from events.language.entry import StopCondition, Trigger, trigger_from_stored
from events.language.specs import SequenceSpec
from events.models import Sequence
from events.wording.steps import filters_in_words, hours_in_words

COLOURS = {"draft": "", "active": "success", "paused": "warning", "archived": ""}
# How people enter, by the word that enrollments store: before any name, and before this name.
WAYS_IN: Mapping[str, tuple[str, str]] = {
    "event": ("event", "the event"),
    "tag": ("tag", "the tag"),
    "list": ("joining a list", "joining the list"),
    "manual": ("an operator", "an operator"),
    "segment": ("a segment", "the segment"),
}


def trigger_in_words(sequence: Sequence) -> str:
    """Return the trigger; lists are counted, since only their ids are known here."""
    trigger = trigger_from_stored(sequence.trigger, sequence.trigger_config)
    match trigger.type:
        case "event_received":
            met = filters_in_words(trigger.filters)
            return f"event {trigger.event_name}{met and f' where {met}'}"
        case "tag_added":
            return f"tag {' or '.join(trigger.tag_names)}"
        case "list_joined":
            return _lists_in_words(trigger)
        case "manual":
            return "manual"
        case _:
            assert_never(trigger.type)


def stop_in_words(sequence: Sequence) -> str:
    stop = msgspec.convert(sequence.stop_condition, StopCondition | None)
    if stop is None:
        return "nothing"
    if stop.type == "tag_added":
        return f"tag {stop.value}"
    met = filters_in_words(stop.filters)
    own = f", for the enrollment whose field is its {stop.field_path}" if stop.field_path else ""
    return f"event {stop.value}{met and f' where {met}'}{own}"


def facts(sequence: Sequence, spec: SequenceSpec) -> list[tuple[str, str]]:
    """Return who enters and how mail is sent, each with its name; `spec` has lists by name."""
    mode = sequence.get_enrollment_mode_display()
    path = spec.enrollment_field_path
    return [
        ("Trigger", trigger_in_words(sequence)),
        ("How often", f"{mode}: {path}" if path else mode),
        *([("Who", "Active people only")] if spec.active_subscribers_only else ()),
        *([("Who", "People who have not confirmed, too")] if spec.runs_while_pending else ()),
        ("Sender", sender_in_words(sequence, spec)),
        *([("Mail of the list", spec.mail_list)] if spec.mail_list else ()),
        *(
            [("Sending window", capfirst(hours_in_words(spec.sending_window)))]
            if spec.sending_window
            else ()
        ),
        ("Key", sequence.key),
        *([("Labels", ", ".join(spec.labels))] if spec.labels else ()),
    ]


def sender_in_words(sequence: Sequence, spec: SequenceSpec) -> str:
    """Return the name and address that mail comes from: the sequence's, else the workspace's."""
    name = spec.from_name or sequence.workspace.from_name
    address = spec.from_email or sequence.workspace.from_email
    return f"{name} <{address}>" if name and address else address or "no address yet"


def _lists_in_words(trigger: Trigger) -> str:
    count = len(trigger.lists)
    if count:
        return f"joining {'a list' if count == 1 else f'one of {count} lists'}"
    created = " or being created" if trigger.scope == "any_contact" else ""
    return f"joining any list{created}"
