"""An event's effects as sentences, with links to the tags, rules, sequences and enrollments they
name: what its receipt did, or what the receipt of such an event would do now.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any
from uuid import UUID

from django.utils.safestring import SafeString

from config.admin_links import link_to
from config.readable import json_value, sentence
from events.models import Enrollment, Event, Sequence, SyncRule
from events.wording.reasons import reason_in_words
from subscribers.ids import encode
from subscribers.models import Tag

Links = Mapping[str, SafeString]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verbs:
    removed: str
    added: str
    rule_did_nothing: str
    started: str
    superseded: str
    not_started: str
    released: str
    stopped: str


DID = Verbs(
    removed="Tag {} was removed by {}.",
    added="Tag {} was added by {}.",
    rule_did_nothing="{} did nothing: {}.",
    started="The sequence {} started{}: see {}.",
    superseded="It started over: {} ended.",
    not_started="The sequence {} did not start: {}.",
    released="In the sequence {}, {} went on: it was waiting for this event.",
    stopped="In the sequence {}, {} was stopped: the event, or a tag that it added, met the exit "
    "condition.",
)
WOULD = Verbs(
    removed="Tag {} would be removed by {}.",
    added="Tag {} would be added by {}.",
    rule_did_nothing="{} would do nothing: {}.",
    started="The sequence {} would start{}, with {}.",
    superseded="It would start over: {} would end.",
    not_started="The sequence {} would not start: {}.",
    released="In the sequence {}, {} would go on: it waits for this event.",
    stopped="In the sequence {}, {} would be stopped: the event, or a tag that it adds, meets the "
    "exit condition.",
)


def sentences(event: Event, verbs: Verbs = DID) -> Iterator[SafeString]:
    """Say what the receipt of the event did and did not do; up to four queries.

    With `WOULD` the event is one that was tried out: what it started is not there.
    """
    effects: dict[str, Any] = dict(event.effects)
    yield from _of_rules(event, effects, verbs)
    yield from _of_sequences(event, effects, verbs)
    for failed in effects.pop("failedStages", ()):
        yield sentence("The stage {} failed: {}", failed["stage"], failed["error"])
    for key, value in effects.items():
        yield sentence("{}: {}", key, json_value(value))


def _of_rules(event: Event, effects: dict[str, Any], verbs: Verbs) -> Iterator[SafeString]:
    """Describe the effects of sync rules, and remove their keys from `effects`."""
    removed, added = effects.pop("tagsRemoved", ()), effects.pop("tagsAdded", ())
    skipped = effects.pop("rulesSkipped", ())
    tags = _links(Tag, event, [each["tagId"] for each in (*removed, *added)])
    rules = _links(SyncRule, event, [each["rule"] for each in (*removed, *added, *skipped)])
    for changes, words in ((removed, verbs.removed), (added, verbs.added)):
        for change in changes:
            tag = tags.get(change["tagId"], change["tag"])
            yield sentence(words, tag, _rule(rules, change["rule"]))
    for each in skipped:
        yield sentence(verbs.rule_did_nothing, _rule(rules, each["rule"]), _reason(each))


def _of_sequences(event: Event, effects: dict[str, Any], verbs: Verbs) -> Iterator[SafeString]:
    """Describe starts, releases and stops, and remove their keys from `effects`."""
    take = effects.pop
    started, not_started = take("sequencesStarted", ()), take("sequencesNotStarted", ())
    released, stopped = take("enrollmentsReleased", ()), take("enrollmentsStopped", ())
    with_enrollments = [*started, *released, *stopped]
    sequences = _links(
        Sequence, event, [each["sequenceId"] for each in (*with_enrollments, *not_started)]
    )
    names = {each["enrollment"]: "the enrollment" for each in with_enrollments}
    names |= {
        each["supersedes"]: "the earlier enrollment" for each in started if "supersedes" in each
    }
    enrollments = _links(Enrollment, event, names, names)
    for each in started:
        cause = sentence(", since the tag {} was new", each["tag"]) if "tag" in each else ""
        begun = (
            _enrollment(enrollments, each["enrollment"])
            if verbs is DID
            else "a new enrollment at its first step"
        )
        yield sentence(verbs.started, _name(sequences, each), cause, begun)
        if "supersedes" in each:
            yield sentence(verbs.superseded, _enrollment(enrollments, each["supersedes"]))
    for each in not_started:
        yield sentence(verbs.not_started, _name(sequences, each), _reason(each))
    for entries, words in ((released, verbs.released), (stopped, verbs.stopped)):
        for each in entries:
            yield sentence(
                words, _name(sequences, each), _enrollment(enrollments, each["enrollment"])
            )


def _links(
    model: type[Tag] | type[SyncRule] | type[Sequence] | type[Enrollment],
    event: Event,
    hex_ids: Iterable[str],
    words: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, SafeString]:
    wanted = set(hex_ids)
    if not wanted:
        return {}
    rows = model._default_manager.filter(workspace_id=event.workspace_id, pk__in=wanted)
    return {row.pk.hex: link_to(row, words.get(row.pk.hex)) for row in rows}


def _rule(rules: Links, hex_id: str) -> SafeString:
    if hex_id in rules:
        return sentence("the rule “{}”", rules[hex_id])
    return sentence("a deleted rule ({})", hex_id)


def _name(sequences: Links, entry: Mapping[str, Any]) -> SafeString:
    """Return the sequence's current name with a link; without the row, the name as it was."""
    return sentence("“{}”", sequences.get(entry["sequenceId"], entry["sequence"]))


def _enrollment(enrollments: Links, hex_id: str) -> SafeString:
    known = enrollments.get(hex_id)
    return known or sentence("a deleted enrollment ({})", encode("enr", UUID(hex=hex_id)))


def _reason(entry: Mapping[str, Any]) -> str:
    reason = reason_in_words(entry["reason"])
    return f"{reason} ({entry['path']})" if entry.get("path") else reason
