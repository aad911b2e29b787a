"""Enrollments as plain values, and what can happen to them.

A person's enrollments are those that hold a slot: all that are under way, and the ended ones of
sequences that people enter once ever.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec

from events.decisions.watched import Watched, WatchedSequence
from events.language.entry import EnteredBy

# A step that adds a tag may start an enrollment whose steps add tags. The contract's limit.
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


class EnrollmentState(msgspec.Struct, frozen=True, kw_only=True):
    """An enrollment that holds a slot of its sequence.

    `entry` are the properties of the event that began it: read where something compares with them.
    `is_newer`: it began after the event that is judged, which is retried; a restart leaves it.
    """

    id: UUID
    sequence_id: UUID
    status: str
    entry_slot: str
    entry_key: str = ""
    awaits: str = ""
    step_id: UUID | None = None
    released_by: UUID | None = None
    entry: Mapping[str, Any] = {}
    is_newer: bool = False

    @property
    def slot(self) -> "Slot":
        return (self.sequence_id, self.entry_slot)


Slot = tuple[UUID, str]
# One enrollment a slot: a constraint of the database.
EnrollmentsBySlot = Mapping[Slot, EnrollmentState]


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    id: UUID
    name: str
    properties: Mapping[str, Any]


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """An enrollment that begins, and the event's, tag's or list's name that started it.

    `supersedes` is the enrollment under way that ends so that this one begins.
    """

    sequence: WatchedSequence
    enrollment: EnrollmentState
    by: EnteredBy
    name: str
    value: str = ""
    supersedes: UUID | None = None


class NotStarted(msgspec.Struct, frozen=True):
    """A sequence that could have started, and why it did not; `path` of the filter that failed."""

    sequence: WatchedSequence
    reason: Reason
    path: str = ""


class Starts(msgspec.Struct, frozen=True, kw_only=True):
    """The sequences that something could start, in order."""

    started: Sequence[Start] = ()
    not_started: Sequence[NotStarted] = ()

    @property
    def superseded(self) -> frozenset[UUID]:
        """Return the enrollments that end because others begin anew."""
        return frozenset(each.supersedes for each in self.started if each.supersedes)


class Ends(msgspec.Struct, frozen=True, kw_only=True):
    """The enrollments that something releases from their wait, and those that it stops."""

    released: Sequence[EnrollmentState] = ()
    stopped: Sequence[EnrollmentState] = ()


def enrollments_after(
    *,
    watched: Watched,
    enrollments: EnrollmentsBySlot,
    started: Iterable[Start] = (),
    released: Iterable[EnrollmentState] = (),
    stopped: Iterable[EnrollmentState] = (),
    event_id: UUID | None = None,
) -> EnrollmentsBySlot:
    """Return the person's enrollments afterwards; `event_id` is of the event that released."""
    left = dict(enrollments)
    for enrollment in released:
        left[enrollment.slot] = msgspec.structs.replace(enrollment, released_by=event_id)
    for enrollment in stopped:
        if watched.sequences[enrollment.sequence_id].is_one_time:
            left[enrollment.slot] = msgspec.structs.replace(enrollment, status="stopped", awaits="")
        else:
            del left[enrollment.slot]
    for start in started:
        left[start.enrollment.slot] = start.enrollment
    return left
