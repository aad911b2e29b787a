"""Plays a life: what each event sets off, what each enrollment does when its time comes, as rows.

Decided by the product's own parts (`planning`, `walking`, `letters`), in memory; only what a mail
server would have said is the life's. Nothing here writes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from events.decisions import sync_rules, triggers
from events.decisions.enrollments import Ends, EnrollmentState, Seen, Start, Starts
from events.decisions.sync_rules import Rule
from events.decisions.watched import Watched
from events.language import filters as property_filters
from events.language import steps
from events.language.filters import Filter
from events.models import Enrollment, Event
from events.services.demo.lives import Life, PlannedEvent
from events.services.demo.rows import Rows
from events.services.engine import loaded_versions
from events.services.engine.claimed import ClaimedEnrollment
from events.services.engine.walking import SeenEvent
from events.services.enrollments.rows import columns, stopped_columns
from events.services.planning import effects, planning
from events.services.planning.planning import Standing
from subscribers.models import Subscriber, Workspace

Status = Enrollment.Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """What all people of the demo share, as it is stored."""

    workspace: Workspace
    watched: Watched
    rules_by_name: Mapping[str, Sequence[Rule]]
    tag_ids: Mapping[str, UUID]
    list_ids: Mapping[str, UUID]
    definition_ids: Mapping[str, UUID]
    once_ever: frozenset[UUID]
    now: datetime


@dataclass(slots=True)
class Played(ClaimedEnrollment):
    """An enrollment of a life, which looks at the life instead of the database."""

    story: "Story" = field(kw_only=True, repr=False)

    @property
    def tags(self) -> set[str]:
        """The names of the tags that the person bears now."""
        return set(self.story.tags.values())

    @property
    def lists(self) -> set[str]:
        """No step of the demo asks for lists."""
        return set()

    @property
    def event_properties(self) -> Mapping[str, Any]:
        """The properties of the event that started the enrollment."""
        return next(
            (each.properties for each in self.story.events if each.pk == self.row.started_by_id), {}
        )

    def find_event(
        self, name: str, filters: Sequence[Filter], *, since: datetime
    ) -> SeenEvent | None:
        """Return the first matching event since a moment."""
        for seen in self.story.events_of(name):
            is_met = property_filters.are_met(filters, seen.properties)
            if seen.received_at > since and is_met:
                return SeenEvent(seen.pk, seen.received_at)
        return None

    def received_at(self, event_id: UUID) -> datetime | None:
        """Return when an event was recorded."""
        found = (each.received_at for each in self.story.events if each.pk == event_id)
        return next(found, None)

    def has_happened(self, name: str, filters: Sequence[Filter], *, since: datetime | None) -> bool:
        """Tell whether a matching event was recorded since a moment, or ever."""
        return any(
            property_filters.are_met(filters, each.properties)
            for each in self.story.events_of(name)
            if since is None or each.received_at > since
        )

    @property
    def is_under_way(self) -> bool:
        """Whether it can still be stopped or released."""
        return self.row.is_under_way

    def end(self, at: datetime, *, status: Status, reason: str) -> None:
        """End it; its place is free again, but where people enter once ever."""
        for name, value in stopped_columns(now=at, reason=reason).items():
            setattr(self.row, name, value)
        self.row.status = status
        self.row.due_before_pause = None
        is_once = self.row.sequence_id in self.story.company.once_ever
        if not is_once or status == Status.EXPIRED:
            self.row.entry_slot = None

    def plain(self) -> EnrollmentState:
        """Return it as triggers see it."""
        row = self.row
        return EnrollmentState(
            id=row.pk,
            sequence_id=row.sequence_id,
            status=row.status,
            entry_slot=row.entry_slot or "",
            entry_key=row.entry_key,
            awaits=row.awaits,
            step_id=row.step_id,
            released_by=row.released_by,
        )


@dataclass(slots=True, kw_only=True)
class Story:
    """A life while it is played: the person as they are by now, and what they left in rows."""

    company: Company
    life: Life
    person: Subscriber
    rows: Rows
    tags: dict[UUID, str] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    enrollments: list[Played] = field(default_factory=list)
    mails: int = 0

    def events_of(self, name: str) -> list[Event]:
        """Return the person's events of a name, as they came."""
        wanted = self.company.definition_ids.get(name)
        return [each for each in self.events if each.definition_id == wanted]

    def take_in(self, happening: PlannedEvent) -> None:
        """Record an event and do what it sets off."""
        at, company = happening.at, self.company
        event_id = self.rows.ids.at(at)
        seen = Seen(id=event_id, name=happening.name, properties=happening.properties)
        before = self._standing()
        done = sync_rules.apply(
            rules=company.rules_by_name.get(happening.name, ()),
            tags=self.tags,
            properties=happening.properties,
        )
        added = planning.newly_borne(self.tags, done.tags)
        asked: dict[str, Any] = {"watched": company.watched, "event": seen, "tags_added": added}
        starts = triggers.starts_of_event(
            **asked, enrollments=before.enrollments, status=before.status
        )
        starts = self._dated(starts, at)
        ends = triggers.ends_of_event(**asked, enrollments=before.enrollments)
        event = Event(
            id=event_id,
            workspace=company.workspace,
            subscriber=self.person,
            definition_id=company.definition_ids[happening.name],
            event_id=f"{happening.name}-{self.life.number}-{len(self.events) + 1}",
            occurred_at=at,
            received_at=at + timedelta(milliseconds=180),
            properties=happening.properties,
            effects=effects.merged(
                effects.of_rules(done),
                effects.of_starts(starts),
                effects.of_ends(ends, company.watched),
            ),
        )
        self.events.append(event)
        self.rows.events.append(event)
        self.tags = done.tags
        self._end(ends, event)
        for begun in starts.started:
            self.enrollments.append(self._begin(begun, event))

    def stop_all(self, at: datetime, *, reason: str) -> None:
        """Stop what is under way, as leaving and a suppression do."""
        for enrollment in self.enrollments:
            if enrollment.is_under_way:
                enrollment.end(at, status=Status.STOPPED, reason=reason)

    def change_tags(self, step: steps.UpdateTagsStep) -> dict[str, Any]:
        """Take tags off and put tags on, as a step says; returns what it changed."""
        borne = {name: tag_id for tag_id, name in self.tags.items()}
        removed = [name for name in step.remove if name in borne]
        added = [name for name in step.add if name not in borne]
        for name in removed:
            del self.tags[borne[name]]
        self.tags |= {self.company.tag_ids[name]: name for name in added}
        said = {"tagsAdded": added, "tagsRemoved": removed}
        return {key: names for key, names in said.items() if names}

    def _standing(self) -> Standing:
        holding = [
            enrollment.plain()
            for enrollment in self.enrollments
            if enrollment.row.entry_slot is not None
        ]
        return Standing(
            status=self.person.status,
            tags=self.tags,
            enrollments={enrollment.slot: enrollment for enrollment in holding},
        )

    def _dated(self, starts: Starts, at: datetime) -> Starts:
        """Give the enrollments that begin ids of the past."""
        begun = [
            msgspec.structs.replace(
                each, enrollment=msgspec.structs.replace(each.enrollment, id=self.rows.ids.at(at))
            )
            for each in starts.started
        ]
        return msgspec.structs.replace(starts, started=begun)

    def _begin(self, begun: Start, event: Event) -> Played:
        given = columns(begun, now=event.received_at, event_id=event.pk, is_test=self.life.is_test)
        row = Enrollment(workspace=self.company.workspace, subscriber=self.person, **given)
        self.rows.enrollments.append(row)
        return Played(
            row=row,
            version=loaded_versions.load(row.version_id),
            subscriber=self.person,
            workspace=self.company.workspace,
            shared=self.rows.shared,
            story=self,
        )

    def _end(self, ends: Ends, event: Event) -> None:
        released = {enrollment.id for enrollment in ends.released}
        stopped = {enrollment.id for enrollment in ends.stopped}
        for enrollment in self.enrollments:
            if enrollment.row.pk in released:
                enrollment.row.released_by = event.pk
                enrollment.row.updated_at = event.received_at
                if enrollment.row.status == Status.PAUSED:
                    enrollment.row.due_before_pause = event.received_at
                else:
                    enrollment.row.due_at = event.received_at
            elif enrollment.row.pk in stopped:
                enrollment.end(event.received_at, status=Status.STOPPED, reason="stop_condition")
