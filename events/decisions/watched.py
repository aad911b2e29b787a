"""A workspace's sequences as ingestion looks them up: plain values, found by name.

Archived sequences start nothing. Events still stop and release their enrollments: an operator may
restore the sequence.
"""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

import msgspec

from events.language.entry import StopCondition, TriggerType
from events.language.filters import Filter

# An event's name, a tag's id, a list's id; None: any list.
StartKey = str | UUID | None


class WatchedSequence(msgspec.Struct, frozen=True, kw_only=True):
    """What decides who enters, and where an enrollment begins.

    `lane` as on enrollments. `is_active` includes that there is a first step. `is_keyed`: each
    value at the path has an enrollment of its own. `restarts`: a newer start ends the enrollment
    under way and begins anew.
    """

    id: UUID
    name: str
    is_active: bool
    is_enrollment_paused: bool = False
    is_one_time: bool = False
    is_keyed: bool = False
    restarts: bool = False
    active_only: bool = False
    runs_while_pending: bool = False
    field_path: str = ""
    filters: tuple[Filter, ...] = ()
    version_id: UUID | None = None
    first_step_id: UUID | None = None
    lane: int = 2


class Wait(msgspec.Struct, frozen=True, kw_only=True):
    sequence_id: UUID
    filters: tuple[Filter, ...] = ()


class Watched(msgspec.Struct, frozen=True, kw_only=True):
    """All sequences of a workspace; those with the same trigger are in the order of their ids."""

    sequences: Mapping[UUID, WatchedSequence] = {}
    starts: Mapping[tuple[TriggerType, StartKey], Sequence[WatchedSequence]] = {}
    starts_by_creation: Sequence[WatchedSequence] = ()
    # By name or tag, then by sequence.
    stops_by_event: Mapping[str, Mapping[UUID, StopCondition]] = {}
    stops_by_tag: Mapping[UUID, Mapping[UUID, StopCondition]] = {}
    # By name, then by step; of every version that may have enrollments.
    waits_by_event: Mapping[str, Mapping[UUID, Wait]] = {}
    # The names of attributes whose dates steps wait for; as above.
    awaited_attributes: frozenset[str] = frozenset()
    list_names: Mapping[UUID, str] = {}
    # Whether a wait or an exit condition compares with the event that began the enrollment.
    compares_entry: bool = False

    def starting(self, type_: TriggerType, key: StartKey) -> Sequence[WatchedSequence]:
        return self.starts.get((type_, key), ())

    def event_names(self) -> frozenset[str]:
        """Return the names of events that start, stop or release anything."""
        starting = (key for _, key in self.starts if isinstance(key, str))
        return frozenset({*starting, *self.stops_by_event, *self.waits_by_event})

    def concerned_by(
        self, *, names: Iterable[str] = (), tag_ids: Iterable[UUID] = ()
    ) -> frozenset[UUID]:
        """Return the sequences whose enrollments decide what events and new tags start and stop."""
        found: set[UUID] = set()
        for name in names:
            found.update(each.id for each in self.starting("event_received", name))
            found.update(self.stops_by_event.get(name, ()))
            found.update(each.sequence_id for each in self.waits_by_event.get(name, {}).values())
        for tag_id in tag_ids:
            found.update(each.id for each in self.starting("tag_added", tag_id))
            found.update(self.stops_by_tag.get(tag_id, ()))
        return frozenset(found)

    def concerned_by_lists(
        self, list_ids: Sequence[UUID], *, is_created: bool = False
    ) -> frozenset[UUID]:
        keys = (*list_ids, None) if list_ids else ()
        by_lists = [each.id for key in keys for each in self.starting("list_joined", key)]
        by_creation = [each.id for each in self.starts_by_creation] if is_created else []
        return frozenset([*by_lists, *by_creation])
