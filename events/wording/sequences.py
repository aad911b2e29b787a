"""A sequence in sentences: its trigger, its exit condition, its steps and its enrollments."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import assert_never

import msgspec
from django.utils.html import format_html
from django.utils.safestring import SafeString

from config.admin_base import list_url
from events.language.entry import StopCondition, Trigger, trigger_from_stored
from events.models import Enrollment, Sequence, SequenceVersion
from events.services.sequences import references, sequences
from events.wording.steps import filters_in_words, hours_in_words, in_words, next_in_words

COLOURS = {"draft": "", "active": "success", "paused": "warning", "archived": ""}
# How people enter, by the word that enrollments store: before any name, and before this name.
WAYS_IN: Mapping[str, tuple[str, str]] = {
    "event": ("event", "the event"),
    "tag": ("tag", "the tag"),
    "list": ("joining a list", "joining the list"),
    "manual": ("an operator", "an operator"),
    "segment": ("a segment", "the segment"),
}
# A larger number does not matter, and counting it would cost time.
MOST_COUNTED = 1000
MOST_VERSIONS = 20
MANY = f"{MOST_COUNTED:,}+"


@dataclass(frozen=True, slots=True)
class VersionLine:
    """A version that is current or has enrollments under way."""

    version: SequenceVersion
    is_current: bool
    # "12", or "1,000+".
    under_way: str
    address: str


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


def steps_in_words(sequence: Sequence) -> Iterator[SafeString]:
    """Yield the steps of the current version, its sending window and its list."""
    spec = sequences.spec_of(sequence)
    for step in spec.steps:
        label = f"{step.label}: " if step.label else ""
        yield format_html("{}{}{}", label, in_words(step), next_in_words(step))
    if spec.runs_while_pending:
        yield format_html("{}", "Runs before the person has confirmed")
    if spec.sending_window:
        yield format_html("Marketing mail only on {}", hours_in_words(spec.sending_window))
    if spec.mail_list:
        named = references.with_list_names(workspace=sequence.workspace, spec=spec)
        yield format_html("Marketing mail only to members of the list {}", named.mail_list)


def version_lines(sequence: Sequence) -> list[VersionLine]:
    """Return the latest versions with how many are under way in each; a query a version."""
    found = sequence.versions.order_by("-number")[:MOST_VERSIONS]
    return [
        VersionLine(
            version=version,
            is_current=version.pk == sequence.current_version_id,
            under_way=bounded(count_under_way(version)),
            address=list_url(Enrollment, version__id__exact=version.pk),
        )
        for version in found
    ]


def count_under_way(version: SequenceVersion) -> int:
    """Return how many are under way with a version, at most `MOST_COUNTED` + 1."""
    under_way = Enrollment.objects.filter(version=version, status__in=Enrollment.UNDER_WAY)
    return len(under_way.values_list("pk")[: MOST_COUNTED + 1])


def bounded(count: int) -> str:
    return MANY if count > MOST_COUNTED else str(count)


def _lists_in_words(trigger: Trigger) -> str:
    count = len(trigger.lists)
    if count:
        return f"joining {'a list' if count == 1 else f'one of {count} lists'}"
    created = " or being created" if trigger.scope == "any_contact" else ""
    return f"joining any list{created}"
