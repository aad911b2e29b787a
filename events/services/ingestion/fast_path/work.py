"""A request's plan and parameters on the fast path, the same for both databases."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connections

from events.decisions import triggers
from events.decisions.enrollments import Ends, Seen, enrollments_after
from events.intake.payloads import EventDraft
from events.services.configuration.remembered import Remembered
from events.services.ingestion import opting_in
from events.services.ingestion.fast_path import statements
from events.services.ingestion.fast_path.enrollment_changes import EnrollmentChanges
from events.services.ingestion.outcomes import Notes, notes_of
from events.services.ingestion.request import IngestRequest
from events.services.planning import planning
from events.services.planning.planning import Standing
from subscribers.ids import new_ids
from subscribers.models.subscriber import new_unsubscribe_token
from subscribers.services.audience.subscribers import (
    StoredIdentity,
    changes_to,
    kept_fields,
    merge_attributes,
)
from subscribers.services.storage.sql_values import as_json
from subscribers.wire import profile
from subscribers.wire.payloads import InvalidRequest

# The status of people whom the fast path creates; the reference path creates those who confirm.
ACTIVE = "active"
LEFT = "unsubscribed"


class Refusal(Enum):
    """Why the reference path has to record a request."""

    NOT_PLAIN = auto()
    # An answer that is kept for an Idempotency-Key is written in the reference path's transaction.
    KEPT_ANSWER = auto()
    # The guard did not match.
    NOT_FOUND = auto()
    # Some of the events, or all, may be stored under their planned ids.
    REPEATED = auto()
    FAILED = auto()
    CONNECTION_LOST = auto()

    @property
    def may_have_written(self) -> bool:
        return self in {Refusal.REPEATED, Refusal.CONNECTION_LOST}


class RolledBack(Exception):
    """Rolls the transaction back; nothing of it is stored."""

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal


@dataclass(frozen=True, slots=True)
class PlannedIds:
    subscriber: UUID
    events: Sequence[UUID]


@dataclass(frozen=True, slots=True)
class StoredEvents:
    """What was stored: all events that were not rejected, by their planned ids."""

    subscriber: StoredIdentity
    effects: Mapping[UUID, dict[str, Any]]
    notes: Notes | None = None


@dataclass(slots=True)
class Plan:
    """What the events do to a person's tags and enrollments; `effects` only of events with any."""

    # How many of the events changed tags.
    tag_changes: int = 0
    tags_added: list[UUID] = field(default_factory=list)
    tags_removed: list[UUID] = field(default_factory=list)
    effects: dict[UUID, dict[str, Any]] = field(default_factory=dict)
    enrollments: EnrollmentChanges = field(default_factory=EnrollmentChanges)


def plan_ids(events: Sequence[object]) -> PlannedIds:
    subscriber, *planned = new_ids(1 + len(events))
    return PlannedIds(subscriber=subscriber, events=planned)


class Write:
    def __init__(
        self,
        request: IngestRequest,
        planned: PlannedIds,
        *,
        drafts: Sequence[tuple[UUID, EventDraft]],
        known: Remembered,
        is_plain: bool,
    ) -> None:
        """`drafts` have their planned ids; if `is_plain`, the events have no effects."""
        self.request = request
        self.planned = planned
        self.drafts = drafts
        self.known = known
        self.is_plain = is_plain
        self.concerned = frozenset() if is_plain else self._concerned()
        # The thread's own; `django.db.connection` looks it up at every access.
        self.database = connections[DEFAULT_DB_ALIAS]

    def record(self) -> StoredEvents | Refusal:
        raise NotImplementedError

    def plan(self, before: Standing) -> Plan:
        plan = Plan()
        self._plan_events(plan, before)
        return plan

    def plan_for_new_person(self) -> Plan:
        """Return what follows from the creation, the default lists and then the events."""
        plan, standing = Plan(), Standing(status=ACTIVE)
        watched = self.known.watched
        if watched.starts:
            starts = triggers.starts_of_lists(
                watched=watched,
                list_ids=self.known.default_list_ids,
                is_created=True,
                enrollments={},
                status=ACTIVE,
            )
            plan.enrollments.note(starts=starts, ends=Ends(), event_id=None, watched=watched)
            enrollments = enrollments_after(watched=watched, enrollments={}, started=starts.started)
            standing = Standing(status=ACTIVE, enrollments=enrollments)
        self._plan_events(plan, standing)
        return plan

    def _plan_events(self, plan: Plan, before: Standing) -> None:
        if self.is_plain:
            return
        known, watched, standing = self.known, self.known.watched, before
        for planned_id, draft in self.drafts:
            if draft.name not in known.effective_names:
                continue
            done = planning.plan_event(
                event=Seen(id=planned_id, name=draft.name, properties=draft.properties),
                matching=known.rules_by_name.get(draft.name, ()),
                watched=watched,
                before=standing,
            )
            plan.tag_changes += done.after.tags.keys() != standing.tags.keys()
            if self.concerned:
                plan.enrollments.note(
                    starts=done.starts, ends=done.ends, event_id=planned_id, watched=watched
                )
            if done.effects:
                plan.effects[planned_id] = done.effects
            standing = done.after
        plan.tags_added = sorted(standing.tags.keys() - before.tags.keys())
        plan.tags_removed = sorted(before.tags.keys() - standing.tags.keys())

    def _concerned(self) -> frozenset[UUID]:
        """Return the sequences whose enrollments the request may affect."""
        if not self.known.watched.sequences:
            return frozenset()
        names = {draft.name for _, draft in self.drafts}
        rules = [rule for name in names for rule in self.known.rules_by_name.get(name, ())]
        tag_ids = [tag.id for rule in rules for tag in rule.add]
        return self.known.watched.concerned_by(names=names, tag_ids=tag_ids)

    def notes(self, columns: Sequence[str], status: str, left_at: object) -> Notes | None:
        """Return the notes on a request about a known person, whose row begins with the texts."""
        person = self.request.person
        if status != LEFT and not person.texts:
            return None
        stored = dict(zip(profile.NAMES, columns, strict=False))
        # Nearly always; much faster than a look at each.
        if status != LEFT and person.texts.items() <= stored.items():
            return None
        left_on = opting_in.day_of(left_at) if status == LEFT else None
        return notes_of(kept_fields=kept_fields(stored=stored, person=person), left_on=left_on)

    def completed(self, *columns: str) -> tuple[dict[str, Any], bool]:
        """Return the person's profile after the request, and whether the request changes it."""
        person = self.request.person
        stored: dict[str, Any] = dict(zip(profile.COLUMNS, columns, strict=True))
        if not (person.texts or person.attributes):
            return stored, False
        stored["attributes"] = json.loads(stored["attributes"])
        try:
            most = self.request.limits.attributes_bytes
            changes = changes_to(stored=stored, person=person, attributes_bytes=most)
        except InvalidRequest as error:
            # The reference path raises it for the caller.
            raise RolledBack(Refusal.NOT_PLAIN) from error
        after = {**stored, **changes}
        names = self.known.watched.awaited_attributes.intersection(person.attributes)
        if any(stored["attributes"].get(name) != after["attributes"].get(name) for name in names):
            # The reference path wakes the enrollments.
            raise RolledBack(Refusal.NOT_PLAIN)
        return {**after, "attributes": as_json(after["attributes"])}, bool(changes)

    def can_create(self) -> bool:
        # With double opt-in the reference path creates the person and the confirmation.
        return self.request.person.email is not None and not self.request.workspace.double_opt_in

    def new_person(self) -> dict[str, Any] | None:
        """Return the columns of a new person's row, or None if this path cannot create them."""
        person = self.request.person
        if person.email is None or not self.can_create():
            return None
        return {
            "subscriber": self.planned.subscriber,
            "email": person.email.text,
            "email_key": person.email.key,
            "external_id": person.external_id,
            **profile.EMPTY,
            **person.texts,
            "new_attributes": as_json(merge_attributes({}, person.attributes)),
            "token": new_unsubscribe_token(),
        }

    def parameters(self) -> dict[str, Any]:
        person, key = self.request.person, self.request.unverified_key
        return {
            "workspace": self.request.workspace.pk,
            "config_version": self.known.config_version,
            "email_key": person.email.key if person.email else None,
            "external_id": person.external_id,
            "attributes": as_json(person.attributes),
            "key_prefix": key and key.prefix,
            "key_hash": key and key.key_hash,
            "now": self.request.now,
        }

    def guard(self) -> str:
        return statements.guard(has_key=self.request.unverified_key is not None)

    def identity(self) -> str:
        return statements.identity(self.request.person)
