"""The fast path on SQLite."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.backends.utils import CursorWrapper

from events.services.fast_path import statements
from events.services.fast_path.work import Done, Refusal, Refused, Write, as_json
from subscribers.ids import new_ids
from subscribers.services.subscribers import StoredIdentity


class WriteToSQLite(Write):
    """A look and the inserts in one short transaction; nobody else writes meanwhile."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Bring what most statements take into the driver's form, once."""
        super().__init__(*args, **kwargs)
        self.workspace = self.request.workspace.pk.hex
        self.now = self.database.ops.adapt_datetimefield_value(self.request.now)

    def record(self) -> Done | Refusal:
        with self.transaction() as cursor:
            statement = statements.in_sqlite(
                statements.FIND_PERSON.format(guard=self.guard(), identity=self.identity())
            )
            cursor.execute(statement, self.parameters())
            row = cursor.fetchone()
            if row is None:
                return Refusal.NOT_FOUND
            done = self.create(cursor) if row[0] is None else self.complete(cursor, row)
            cursor.executemany(statements.INSERT_EVENT, self.events(done))
            if cursor.rowcount < len(self.drafts):
                raise Refused(Refusal.REPEATED)
        return done

    def create(self, cursor: Any) -> Done:  # noqa: ANN401 - Django's cursor has no public type
        new = self.new_person()
        if new is None:
            raise Refused(Refusal.NOT_FOUND)
        subscriber, plan = self.planned.subscriber.hex, self.plan({})
        columns = {**new, "subscriber": subscriber, "tag_changes": plan.tag_changes}
        cursor.execute(statements.INSERT_PERSON, {**self.parameters(), **columns})
        if cursor.rowcount < 1:
            raise Refused(Refusal.NOT_FOUND)
        cursor.executemany(
            statements.INSERT_MEMBERSHIP, self.links(subscriber, self.known.default_list_ids)
        )
        cursor.executemany(statements.INSERT_TAG, self.links(subscriber, plan.tags_added))
        identity = StoredIdentity(new["subscriber"], new["email"], new["external_id"])
        return Done(identity, plan.effects)

    def complete(self, cursor: Any, row: tuple[Any, ...]) -> Done:  # noqa: ANN401 - as above
        subscriber, email, external_id, *columns = row
        completed, is_changed = self.completed(*columns)
        if is_changed:
            cursor.execute(
                statements.UPDATE_PERSON, {**completed, "now": self.now, "subscriber": subscriber}
            )
        identity = StoredIdentity(UUID(subscriber), email, external_id)
        if self.is_plain:
            return Done(identity, {})
        cursor.execute(statements.READ_TAGS, {"subscriber": subscriber})
        plan = self.plan({UUID(tag): name for tag, name in cursor.fetchall()})
        if plan.tag_changes:
            cursor.execute(
                statements.UPDATE_TAGS_VERSION,
                {"subscriber": subscriber, "tag_changes": plan.tag_changes},
            )
        removed = [(subscriber, each.hex) for each in plan.tags_removed]
        cursor.executemany(statements.DELETE_TAG, removed)
        cursor.executemany(statements.INSERT_TAG, self.links(subscriber, plan.tags_added))
        return Done(identity, plan.effects)

    def links(self, subscriber: str, ids: Sequence[UUID]) -> list[tuple[object, ...]]:
        """Return rows that link the person with others, each with an id of its own."""
        return [
            (own.hex, self.workspace, subscriber, each.hex, self.now)
            for own, each in zip(new_ids(len(ids)), ids, strict=True)
        ]

    def events(self, done: Done) -> list[tuple[Any, ...]]:
        subscriber, adapt = done.subscriber.id.hex, self.database.ops.adapt_datetimefield_value
        return [
            (
                planned_id.hex,
                self.workspace,
                subscriber,
                self.known.definition_ids[draft.name].hex,
                draft.event_id,
                self.now if draft.occurred_at is self.request.now else adapt(draft.occurred_at),
                self.now,
                as_json(draft.properties),
                as_json(done.effects.get(planned_id, {})),
            )
            for planned_id, draft in self.drafts
        ]

    def parameters(self) -> dict[str, Any]:
        """Return what every statement's guard is given."""
        return {**super().parameters(), "workspace": self.workspace, "now": self.now}

    @contextmanager
    def transaction(self) -> Iterator[CursorWrapper]:
        """Begin and commit on the driver's cursor: Django's `atomic` takes as long as the inserts.

        Nothing in here nests or waits for the commit, which is what `atomic` keeps books about.
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
        """Return the driver's cursor in Django's wrapper.

        Django's own cursor brings every statement into the driver's form each time.
        """
        database = self.database
        database.ensure_connection()
        wrap = database.make_debug_cursor if database.queries_logged else database.make_cursor
        return wrap(database.connection.cursor())
