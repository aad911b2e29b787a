"""The fast path on SQLite."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from events.services.fast_path import statements
from events.services.fast_path.work import Done, Refusal, Refused, Write
from subscribers.ids import new_id
from subscribers.services.subscribers import Named


class WriteToSQLite(Write):
    """A look and the inserts in one short transaction; nobody else writes meanwhile."""

    def record(self, *, is_plain: bool) -> Done | Refusal:
        with transaction.atomic(), connection.cursor() as cursor:
            statement = statements.FIND_PERSON.format(guard=self.guard(), identity=self.identity())
            cursor.execute(statement, self.adapted(self.parameters()))
            row = cursor.fetchone()
            if row is None:
                return Refusal.NOT_FOUND
            done = (
                self.create(cursor)
                if row[0] is None
                else self.complete(cursor, row, is_plain=is_plain)
            )
            cursor.executemany(statements.INSERT_EVENT, self.events(done))
            if cursor.rowcount < len(self.drafts):
                raise Refused(Refusal.REPEATED)
        return done

    def create(self, cursor: Any) -> Done:  # noqa: ANN401 - Django's cursor has no public type
        new = self.new_person()
        if new is None:
            raise Refused(Refusal.NOT_FOUND)
        cursor.execute(statements.INSERT_PERSON, self.adapted({**self.parameters(), **new}))
        if cursor.rowcount < 1:
            raise Refused(Refusal.NOT_FOUND)
        plan, now = self.plan({}), self.adapt(self.work.now)
        workspace = self.adapt(self.work.workspace.pk)
        subscriber = self.adapt(self.work.planned.subscriber)
        for statement, ids in (
            (statements.INSERT_MEMBERSHIP, self.known.default_list_ids),
            (statements.INSERT_TAG, plan.tags_added),
        ):
            rows = [(new_id().hex, workspace, subscriber, each.hex, now) for each in ids]
            cursor.executemany(statement, rows)
        return Done(Named(new["subscriber"], new["email"], new["external_id"]), plan.effects)

    def complete(self, cursor: Any, row: tuple[Any, ...], *, is_plain: bool) -> Done:  # noqa: ANN401 - as above
        subscriber, email, external_id, first_name, last_name, attributes = row
        stored = {
            "first_name": first_name,
            "last_name": last_name,
            "attributes": json.loads(attributes),
        }
        changes = self.changes(stored)
        if changes:
            changed = {**stored, **changes}
            cursor.execute(
                statements.UPDATE_PERSON,
                {
                    **changed,
                    "attributes": json.dumps(changed["attributes"]),
                    "now": self.adapt(self.work.now),
                    "subscriber": subscriber,
                },
            )
        named = Named(UUID(subscriber), email, external_id)
        if is_plain:
            return Done(named, {})
        cursor.execute(statements.READ_TAGS, {"subscriber": subscriber})
        plan = self.plan({UUID(tag): name for tag, name in cursor.fetchall()})
        workspace, now = self.adapt(self.work.workspace.pk), self.adapt(self.work.now)
        cursor.executemany(
            statements.DELETE_TAG, [(subscriber, each.hex) for each in plan.tags_removed]
        )
        cursor.executemany(
            statements.INSERT_TAG,
            [(new_id().hex, workspace, subscriber, each.hex, now) for each in plan.tags_added],
        )
        return Done(named, plan.effects)

    def events(self, done: Done) -> list[tuple[Any, ...]]:
        workspace, now = self.adapt(self.work.workspace.pk), self.adapt(self.work.now)
        subscriber = done.subscriber.id.hex
        return [
            (
                planned_id.hex,
                workspace,
                subscriber,
                self.known.definition_ids[draft.name].hex,
                draft.event_id,
                now if draft.occurred_at is self.work.now else self.adapt(draft.occurred_at),
                now,
                json.dumps(draft.properties),
                json.dumps(done.effects.get(planned_id, {})),
            )
            for planned_id, draft in self.drafts
        ]

    def adapted(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        return {name: self.adapt(value) for name, value in parameters.items()}

    @staticmethod
    def adapt(value: Any) -> Any:  # noqa: ANN401 - what the driver takes
        if isinstance(value, UUID):
            return value.hex
        if isinstance(value, datetime):
            return connection.ops.adapt_datetimefield_value(value)
        return value
