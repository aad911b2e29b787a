"""Runs as plain values, and what can happen to them.

A person's runs are those that hold a slot: all that are under way, and the ended ones of sequences
that people enter once ever.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Literal
from uuid import UUID

import msgspec

from events.decisions.watched import Watched, WatchedSequence

# A step that adds a tag starts runs whose steps add tags: ten runs deep at most, by the contract.
MOST_DEPTH = 10
UNDER_WAY = frozenset({"waiting_confirmation", "active", "waiting", "paused"})


class Reason(StrEnum):
    """Why a sequence that could have started did not; the first that applies, in this order."""

    HISTORICAL = "historical"
    DUPLICATE = "duplicate"
    SEQUENCE_NOT_ACTIVE = "sequence_not_active"
    ENROLLMENT_PAUSED = "enrollment_paused"
    FILTER_NOT_MET = "filter_not_met"
    ENTRY_KEY_MISSING = "entry_key_missing"
    SUBSCRIBER_UNSUBSCRIBED = "subscriber_unsubscribed"
    SUBSCRIBER_BOUNCED = "subscriber_bounced"
    ENTERED_BEFORE = "entered_before"
    ALREADY_ENROLLED = "already_enrolled"


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """An enrollment that holds a slot of its sequence."""

    id: UUID
    sequence_id: UUID
    status: str
    entry_slot: str
    entry_key: str = ""
    awaits: str = ""
    step_id: UUID | None = None
    released_by: UUID | None = None

    @property
    def slot(self) -> "Slot":
        """What no other run of the person may hold."""
        return (self.sequence_id, self.entry_slot)


Slot = tuple[UUID, str]
# One run a slot: the database has a constraint that says so.
Runs = Mapping[Slot, Run]


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """An event as sequences look at it."""

    id: UUID
    name: str
    properties: Mapping[str, Any]


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """A run that begins, and what of its trigger it was: the event's, tag's or list's name."""

    sequence: WatchedSequence
    run: Run
    by: Literal["event", "tag", "list"]
    name: str
    value: str = ""


class NotStarted(msgspec.Struct, frozen=True):
    """A sequence that could have started, and why it did not; `path` of the filter that failed."""

    sequence: WatchedSequence
    reason: Reason
    path: str = ""


class Starts(msgspec.Struct, frozen=True, kw_only=True):
    """The sequences that something could start, in order."""

    started: Sequence[Start] = ()
    not_started: Sequence[NotStarted] = ()


class Ends(msgspec.Struct, frozen=True, kw_only=True):
    """The runs that something releases from their wait, and those that it stops."""

    released: Sequence[Run] = ()
    stopped: Sequence[Run] = ()


def runs_after(
    *,
    watched: Watched,
    runs: Runs,
    started: Iterable[Start] = (),
    released: Iterable[Run] = (),
    stopped: Iterable[Run] = (),
    event_id: UUID | None = None,
) -> Runs:
    """Return the person's runs afterwards; `event_id` is of the event that released."""
    left = dict(runs)
    for run in released:
        left[run.slot] = msgspec.structs.replace(run, released_by=event_id)
    for run in stopped:
        if watched.sequences[run.sequence_id].is_one_time:
            left[run.slot] = msgspec.structs.replace(run, status="stopped", awaits="")
        else:
            del left[run.slot]
    for start in started:
        left[start.run.slot] = start.run
    return left
