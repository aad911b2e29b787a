"""The fast path on SQLite."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.backends.utils import CursorWrapper

from events.decisions.enrollments import EnrollmentsBySlot
from events.services.enrollments import rows as starting
from events.services.ingestion.fast_path import enrollment_statements, statements
from events.services.ingestion.fast_path.work import Plan, Refusal, RolledBack, StoredEvents, Write
from events.services.planning.planning import Standing
from subscribers.ids import new_ids
from subscribers.services.audience.subscribers import StoredIdentity
from subscribers.services.storage.sql_values import as_json, in_sqlite, moment_in_sqlite


class WriteToSQLite(Write):
    """A read and the inserts in one short transaction; nobody else writes meanwhile."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.workspace = self.request.workspace.pk.hex
        self.now = moment_in_sqlite(self.request.now)

    def record(self) -> StoredEvents | Refusal:
        with self.transaction() as cursor:
            find = statements.FIND_PERSON.format(guard=self.guard(), identity=self.identity())
            cursor.execute(statements.in_sqlite(find), self.parameters())
            row = cursor.fetchone()
            if row is None:
                return Refusal.NOT_FOUND
            done = self.create(cursor) if row[0] is None else self.complete(cursor, row)
            cursor.executemany(statements.INSERT_EVENT, self.events(done))
            if cursor.rowcount < len(self.drafts):
                raise RolledBack(Refusal.REPEATED)
        return done

    def create(self, cursor: Any) -> StoredEvents:  # noqa: ANN401 - Django's cursor has no public type
        new = self.new_person()
        if new is None:
            raise RolledBack(Refusal.NOT_FOUND)
        subscriber, plan = self.planned.subscriber.hex, self.plan_for_new_person()
        columns = {**new, "subscriber": subscriber, "tag_changes": plan.tag_changes}
        cursor.execute(statements.INSERT_PERSON, {**self.parameters(), **columns})
        if cursor.rowcount < 1:
            raise RolledBack(Refusal.NOT_FOUND)
        lists = self.links(subscriber, self.known.default_list_ids)
        cursor.executemany(statements.INSERT_MEMBERSHIP, lists)
        cursor.executemany(statements.INSERT_TAG, self.links(subscriber, plan.tags_added))
        self.write_enrollments(cursor, subscriber, plan)
        identity = StoredIdentity(new["subscriber"], new["email"], new["external_id"])
        return StoredEvents(identity, plan.effects)

    def complete(self, cursor: Any, row: tuple[Any, ...]) -> StoredEvents:  # noqa: ANN401 - as above
        subscriber, email, external_id, *columns, status, left_at = row
        completed, is_changed = self.completed(*columns)
        if is_changed:
            columns_now = {**completed, "now": self.now, "subscriber": subscriber}
            cursor.execute(statements.UPDATE_PERSON, columns_now)
        identity = StoredIdentity(UUID(subscriber), email, external_id)
        notes = self.notes(columns, status, left_at)
        if self.is_plain:
            return StoredEvents(identity, {}, notes)
        cursor.execute(statements.READ_TAGS, {"subscriber": subscriber})
        tags = {UUID(tag): name for tag, name in cursor.fetchall()}
        enrollments = self.read_enrollments(cursor, subscriber)
        plan = self.plan(Standing(status=status, tags=tags, enrollments=enrollments))
        if plan.tag_changes:
            changed = {"subscriber": subscriber, "tag_changes": plan.tag_changes}
            cursor.execute(statements.UPDATE_TAGS_VERSION, changed)
        removed = [(subscriber, each.hex) for each in plan.tags_removed]
        cursor.executemany(statements.DELETE_TAG, removed)
        cursor.executemany(statements.INSERT_TAG, self.links(subscriber, plan.tags_added))
        self.write_enrollments(cursor, subscriber, plan)
        return StoredEvents(identity, plan.effects, notes)

    def read_enrollments(self, cursor: Any, subscriber: str) -> EnrollmentsBySlot:  # noqa: ANN401 - as above
        if not self.concerned:
            return {}
        statement = enrollment_statements.read_enrollments(
            enrollment_statements.READ_ENROLLMENTS_IN_SQLITE,
            with_entry=self.known.watched.compares_entry,
        )
        cursor.execute(statement, {"subscriber": subscriber})
        rows = [_with_ids(row) for row in cursor.fetchall()]
        return starting.by_slot([row for row in rows if row[1] in self.concerned])

    def write_enrollments(self, cursor: Any, subscriber: str, plan: Plan) -> None:  # noqa: ANN401 - as above
        if not (plan.enrollments.begun or plan.enrollments.released or plan.enrollments.stopped):
            return
        changes = [{**_adapted(row), "now": self.now} for row in plan.enrollments.changed_rows()]
        # Stopping comes first: it may free the slot of what begins.
        stopped = [row for row in changes if row["is_stopped"]]
        cursor.executemany(enrollment_statements.STOP_ENROLLMENT, stopped)
        released = [row for row in changes if not row["is_stopped"]]
        cursor.executemany(enrollment_statements.RELEASE_ENROLLMENT, released)
        shared = {"workspace": self.workspace, "subscriber": subscriber, "now": self.now}
        begun = [
            {**_adapted(row), **shared, "is_test": self.request.is_test}
            for row in plan.enrollments.new_rows(now=self.request.now)
        ]
        cursor.executemany(enrollment_statements.START_ENROLLMENT, begun)

    def links(self, subscriber: str, ids: Sequence[UUID]) -> list[tuple[object, ...]]:
        return [
            (own.hex, self.workspace, subscriber, each.hex, self.now)
            for own, each in zip(new_ids(len(ids)), ids, strict=True)
        ]

    def events(self, done: StoredEvents) -> list[tuple[Any, ...]]:
        subscriber = done.subscriber.id.hex
        return [
            (
                planned_id.hex,
                self.workspace,
                subscriber,
                self.known.definition_ids[draft.name].hex,
                draft.event_id,
                self.now
                if draft.occurred_at is self.request.now
                else moment_in_sqlite(draft.occurred_at),
                self.now,
                as_json(draft.properties),
                as_json(done.effects.get(planned_id, {})),
            )
            for planned_id, draft in self.drafts
        ]

    def parameters(self) -> dict[str, Any]:
        return {**super().parameters(), "workspace": self.workspace, "now": self.now}

    @contextmanager
    def transaction(self) -> Iterator[CursorWrapper]:
        """Begin and commit on the driver's cursor: Django's `atomic` takes as long as the inserts.

        Nothing here nests or waits for the commit, which is what `atomic` is for.
        """
        if self.database.in_atomic_block:
            with transaction.atomic():
                yield self.cursor()
            return
        cursor = self.cursor()
        cursor.execute("BEGIN IMMEDIATE")
        try:
            yield cursor
            cursor.execute("COMMIT")
        except BaseException:
            self.database.connection.rollback()
            raise

    def cursor(self) -> CursorWrapper:
        """Return the driver's cursor in Django's wrapper; Django's own converts every statement."""
        database = self.database
        database.ensure_connection()
        wrap = database.make_debug_cursor if database.queries_logged else database.make_cursor
        return wrap(database.connection.cursor())


def _adapted(row: dict[str, Any]) -> dict[str, Any]:
    return {name: in_sqlite(value) for name, value in row.items()}


def _with_ids(row: tuple[Any, ...]) -> tuple[Any, ...]:
    enrollment_id, sequence_id, *columns, step_id, released_by, entry = row
    ids = [each and UUID(each) for each in (step_id, released_by)]
    return (UUID(enrollment_id), UUID(sequence_id), *columns, *ids, entry)
