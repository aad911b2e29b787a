"""The fast path on PostgreSQL."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import psycopg
from django.db import IntegrityError, transaction
from django.db.backends.utils import CursorWrapper

from events.decisions.enrollments import EnrollmentsBySlot
from events.services.enrollments import rows
from events.services.ingestion.fast_path import enrollment_statements, statements
from events.services.ingestion.fast_path.work import Plan, Refusal, RolledBack, StoredEvents, Write
from events.services.planning.planning import Standing
from subscribers.ids import new_ids
from subscribers.services.audience.subscribers import StoredIdentity
from subscribers.services.storage.sql_values import as_json


class WriteToPostgreSQL(Write):
    """One statement where possible, two where tags decide, else a transaction."""

    def record(self) -> StoredEvents | Refusal:
        if self.concerned:
            return self.under_lock() or self.create_or_find() or Refusal.NOT_FOUND
        if not self.is_plain:
            return self.as_planned() or self.create_or_find() or Refusal.NOT_FOUND
        removes = any(value is None for value in self.request.person.attributes.values())
        found = None if removes else self.insert_plain()
        return found or self.create() or self.under_lock() or Refusal.NOT_FOUND

    def insert_plain(self) -> StoredEvents | Refusal | None:
        """Store events of a known person whose row stays as it is; None if there is none."""
        statement = statements.INSERT_EVENTS_OF_KNOWN_PERSON.format(
            guard=self.guard(),
            identity=self.identity(),
            unchanged=statements.unchanged(self.request.person),
        )
        row = self.execute(statement, {**self.parameters(), "events": self.events({})})
        if row is None:
            return None
        inserted, subscriber_id, email, external_id, *texts, status, left_at = row
        if inserted < len(self.drafts):
            return Refusal.REPEATED
        identity = StoredIdentity(subscriber_id, email, external_id)
        return StoredEvents(identity, {}, self.notes(texts, status, left_at))

    def create_or_find(self) -> StoredEvents | None:
        """Create the person, or find the one that another request has just created."""
        return (self.create() or self.under_lock()) if self.can_create() else None

    def create(self) -> StoredEvents | None:
        """Store a new person with all that follows; None if the identity exists already."""
        new = self.new_person()
        if new is None:
            return None
        plan = self.plan_for_new_person()
        enrollments, enrollment_parameters = self.starting_part(plan)
        row = self.execute(
            statements.CREATE_PERSON.format(guard=self.guard(), enrollments=enrollments),
            {
                **self.parameters(),
                **new,
                **enrollment_parameters,
                "tag_changes": plan.tag_changes,
                "lists": _link_rows(self.known.default_list_ids),
                "tags": _link_rows(plan.tags_added),
                "events": self.events(plan.effects),
            },
        )
        if row is None or row[0] == 0:
            return None
        identity = StoredIdentity(new["subscriber"], new["email"], new["external_id"])
        return StoredEvents(identity, plan.effects)

    def as_planned(self) -> StoredEvents | Refusal | None:
        """Store events and tags without a lock, if the tags are still those planned for.

        Otherwise, or if the person's row has to change, under the lock. None if nobody is found.
        """
        statement = statements.READ_PERSON.format(guard=self.guard(), identity=self.identity())
        row = self.execute(statement, self.parameters())
        if row is None:
            return None
        subscriber_id, email, external_id, *columns, status, left_at, tags_version, tags = row
        if self.completed(*columns)[1]:
            return self.under_lock()
        plan = self.plan(Standing(status=status, tags=_tags_in(tags)))
        parameters = {
            "workspace": self.request.workspace.pk,
            "subscriber": subscriber_id,
            "tags_version": tags_version,
            "now": self.request.now,
            "events": self.events(plan.effects),
        }
        if plan.tag_changes:
            parameters |= {
                "tag_changes": plan.tag_changes,
                "tags": _link_rows(plan.tags_added),
                "removed": plan.tags_removed,
            }
            statement = statements.WRITE_PLANNED_TAGS_AND_EVENTS
        else:
            statement = statements.INSERT_PLANNED_EVENTS
        try:
            found, inserted = self.execute(statement, parameters) or (0, 0)
        except IntegrityError as error:
            if isinstance(error.__cause__, psycopg.errors.UniqueViolation):
                raise RolledBack(Refusal.REPEATED) from error
            raise
        if not found:
            return self.under_lock()
        if inserted < len(self.drafts):
            return Refusal.REPEATED
        identity = StoredIdentity(subscriber_id, email, external_id)
        return StoredEvents(identity, plan.effects, self.notes(columns, status, left_at))

    def under_lock(self) -> StoredEvents | None:
        """Store events and what follows under the person's lock; None if nobody is found."""
        statement = statements.LOCK_PERSON.format(guard=self.guard(), identity=self.identity())
        with transaction.atomic(), self.cursor() as cursor:
            cursor.execute(statement, self.parameters())
            row = cursor.fetchone()
            if row is None:
                return None
            subscriber_id, email, external_id, *columns, status, left_at, _, named_tags = row
            completed, is_changed = self.completed(*columns)
            tags = _tags_in(named_tags)
            # Read under the lock, so that it includes all that others began before.
            enrollments = self.read_enrollments(cursor, subscriber_id)
            plan = self.plan(Standing(status=status, tags=tags, enrollments=enrollments))
            self.change_enrollments(cursor, plan)
            starting_part, enrollment_parameters = self.starting_part(plan)
            cursor.execute(
                statements.WRITE_UNDER_LOCK.format(enrollments=starting_part),
                {
                    **self.parameters(),
                    **completed,
                    **enrollment_parameters,
                    "is_changed": is_changed,
                    "is_plain": self.is_plain,
                    "tag_changes": plan.tag_changes,
                    "tags_before": sorted(tags),
                    "subscriber": subscriber_id,
                    "tags": _link_rows(plan.tags_added),
                    "removed": plan.tags_removed,
                    "events": self.events(plan.effects),
                },
            )
            if cursor.rowcount < len(self.drafts):
                raise RolledBack(Refusal.REPEATED)
        identity = StoredIdentity(subscriber_id, email, external_id)
        return StoredEvents(identity, plan.effects, self.notes(columns, status, left_at))

    def read_enrollments(self, cursor: CursorWrapper, subscriber_id: UUID) -> EnrollmentsBySlot:
        if not self.concerned:
            return {}
        wanted: dict[str, Any] = {"subscriber": subscriber_id, "sequences": list(self.concerned)}
        statement = enrollment_statements.read_enrollments(
            enrollment_statements.READ_ENROLLMENTS, with_entry=self.known.watched.compares_entry
        )
        cursor.execute(statement, wanted)
        return rows.by_slot(cursor.fetchall())

    def change_enrollments(self, cursor: CursorWrapper, plan: Plan) -> None:
        """Release and stop existing enrollments; called before others begin (slots)."""
        changes = list(plan.enrollments.changed_rows())
        if changes:
            parameters: dict[str, Any] = {"changes": as_json(changes), "now": self.request.now}
            cursor.execute(enrollment_statements.CHANGE_ENROLLMENTS, parameters)

    def starting_part(self, plan: Plan) -> tuple[str, dict[str, Any]]:
        if not plan.enrollments.begun:
            return "", {}
        begun = as_json(list(plan.enrollments.new_rows(now=self.request.now)))
        parameters = {"begun": begun, "is_test": self.request.is_test}
        return enrollment_statements.START_ENROLLMENTS, parameters

    def events(self, effects_by_id: Mapping[UUID, dict[str, Any]]) -> str:
        """Return the events as JSON, which the statements expand to rows."""
        nothing: dict[str, Any] = {}
        return as_json(
            [
                {
                    "id": planned_id,
                    "definition": self.known.definition_ids[draft.name],
                    "event_id": draft.event_id,
                    "occurred_at": draft.occurred_at,
                    "properties": draft.properties,
                    "effects": effects_by_id.get(planned_id, nothing),
                }
                for planned_id, draft in self.drafts
            ]
        )

    def execute(self, statement: str, parameters: Mapping[str, Any]) -> tuple[Any, ...] | None:
        with self.cursor() as cursor:
            cursor.execute(statement, parameters)
            row: tuple[Any, ...] | None = cursor.fetchone()
            return row

    def cursor(self) -> CursorWrapper:
        """Return the driver's cursor in Django's wrapper: the server plans its statements once.

        Django's own cursor sends text with the values in it, which is planned each time.
        """
        database = self.database
        database.ensure_connection()
        wrap = database.make_debug_cursor if database.queries_logged else database.make_cursor
        return wrap(psycopg.Cursor(database.connection))  # type: ignore[arg-type] # takes the driver's


def _tags_in(named_tags: str | None) -> dict[UUID, str]:
    return {UUID(tag): name for tag, name in json.loads(named_tags or "{}").items()}


def _link_rows(ids: Sequence[UUID]) -> str:
    made = new_ids(len(ids))
    return as_json([{"id": own, "other": each} for own, each in zip(made, ids, strict=True)])
