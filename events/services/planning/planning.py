"""Plans in memory what an event triggers: rules, then starts, then releases and stops.

Reference path and fast path both plan here; they differ in how they write it.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec

from events.decisions import sync_rules, triggers
from events.decisions.enrollments import (
    Ends,
    EnrollmentsBySlot,
    Reason,
    Seen,
    Starts,
    enrollments_after,
)
from events.decisions.sync_rules import Rule, RuleEffects, TagRef
from events.decisions.watched import Watched
from events.services.planning import effects

NO_STARTS, NO_ENDS = Starts(), Ends()


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What of a person decides what an event triggers: status, tags by id, enrollments by slot."""

    status: str
    tags: Mapping[UUID, str] = {}
    enrollments: EnrollmentsBySlot = {}


class EventPlan(msgspec.Struct, frozen=True, kw_only=True):
    rules: RuleEffects
    starts: Starts
    ends: Ends
    effects: dict[str, Any]
    after: Standing


def plan_event(
    *, event: Seen, matching: Sequence[Rule], watched: Watched, before: Standing
) -> EventPlan:
    """Plan what a live event triggers; `matching` are the rules for its name."""
    done = sync_rules.apply(rules=matching, tags=before.tags, properties=event.properties)
    if not watched.sequences:
        return EventPlan(
            rules=done,
            starts=NO_STARTS,
            ends=NO_ENDS,
            effects=effects.of_rules(done),
            after=Standing(status=before.status, tags=done.tags, enrollments=before.enrollments),
        )
    tags_added = newly_borne(before.tags, done.tags)
    starts = triggers.starts_of_event(
        watched=watched,
        event=event,
        tags_added=tags_added,
        enrollments=before.enrollments,
        status=before.status,
    )
    enrollments = before.enrollments
    if superseded := starts.superseded:
        enrollments = {
            slot: each for slot, each in enrollments.items() if each.id not in superseded
        }
    ends = triggers.ends_of_event(
        watched=watched, event=event, tags_added=tags_added, enrollments=enrollments
    )
    return EventPlan(
        rules=done,
        starts=starts,
        ends=ends,
        effects=effects.merged(
            effects.of_rules(done), effects.of_starts(starts), effects.of_ends(ends, watched)
        ),
        after=standing_after(
            event=event, watched=watched, before=before, tags=done.tags, starts=starts, ends=ends
        ),
    )


def standing_after(
    *,
    event: Seen,
    watched: Watched,
    before: Standing,
    tags: Mapping[UUID, str],
    starts: Starts,
    ends: Ends,
) -> Standing:
    enrollments = before.enrollments
    if starts.started or ends.released or ends.stopped:
        enrollments = enrollments_after(
            watched=watched,
            enrollments=enrollments,
            started=starts.started,
            released=ends.released,
            stopped=ends.stopped,
            event_id=event.id,
        )
    return Standing(status=before.status, tags=tags, enrollments=enrollments)


def effects_of_history(*, name: str, matching: Sequence[Rule], watched: Watched) -> dict[str, Any]:
    """Return the effects of a historical event: what it would have triggered."""
    starts = triggers.held_back(watched=watched, name=name, reason=Reason.HISTORICAL)
    return effects.merged(effects.of_skipped_rules(matching), effects.of_starts(starts))


def effects_of_repeat(*, name: str, watched: Watched) -> dict[str, Any]:
    """Return a dry run's effects of an event that exists already; never stored."""
    starts = triggers.held_back(watched=watched, name=name, reason=Reason.DUPLICATE)
    return effects.of_starts(starts)


def newly_borne(before: Mapping[UUID, str], after: Mapping[UUID, str]) -> list[TagRef]:
    """Return the tags that were added, in order."""
    if before.keys() == after.keys():
        return []
    return [TagRef(id=tag_id, name=name) for tag_id, name in after.items() if tag_id not in before]
