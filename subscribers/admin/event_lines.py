"""One event of a person's time line in short: its first properties and what its receipt did."""

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from config.admin_links import link_to
from config.readable import scalar, sentence
from events.models import Enrollment, Event, SyncRule
from events.wording.reasons import reason_in_words

MOST_PROPERTIES = 4
LONGEST_VALUE = 40


def properties_in_short(properties: Mapping[str, Any]) -> SafeString:
    """Return the first plain values: `plan team, seats 5`; nothing where there are none."""
    plain = [
        (name[:LONGEST_VALUE], scalar(value)[:LONGEST_VALUE])
        for name, value in properties.items()
        if isinstance(value, str | int | float) and value != ""
    ]
    more = ", …" if len(properties) > len(plain[:MOST_PROPERTIES]) else ""
    shown = format_html_join(
        ", ", "{}", ((sentence("{} {}", *each),) for each in plain[:MOST_PROPERTIES])
    )
    return sentence("{}{}", shown, more) if shown else shown


def effects_in_short(event: Event, rules: Mapping[str, SyncRule]) -> SafeString:
    """Return what the receipt did and did not start; its page says more."""
    return format_html_join(" · ", "{}", ((part,) for part in _effects(event, rules)))


def _effects(event: Event, rules: Mapping[str, SyncRule]) -> Iterator[SafeString]:
    effects = event.effects
    changes: dict[str, list[SafeString]] = {}
    for key, verb in (("tagsRemoved", "removed"), ("tagsAdded", "added")):
        for each in effects.get(key, ()):
            chip = sentence('{} <span class="cueline-item">{}</span>', verb, each["tag"])
            changes.setdefault(each["rule"], []).append(chip)
    for rule_id, said in changes.items():
        rule = rules.get(rule_id)
        name = sentence("rule “{}”", link_to(rule)) if rule else "a deleted rule"
        yield sentence("{} {}", name, format_html_join(", ", "{}", ((each,) for each in said)))
    for key, verb in (
        ("sequencesStarted", "started"),
        ("enrollmentsReleased", "went on in"),
        ("enrollmentsStopped", "ended"),
    ):
        for each in effects.get(key, ()):
            enrollment = Enrollment(pk=UUID(hex=each["enrollment"]))
            yield sentence("{} {}", verb, link_to(enrollment, each["sequence"]))
    for each in effects.get("sequencesNotStarted", ()):
        yield sentence("did not start {}: {}", each["sequence"], reason_in_words(each["reason"]))
    for each in effects.get("failedStages", ()):
        yield sentence("failed: {}", each["stage"])
