"""django-q's broker on its own table: takes one task at a time, the most urgent first.

On PostgreSQL it skips rows that another process is taking. On SQLite it reads before it updates, so
that an empty queue never takes the database's write lock. A task that was taken and not
acknowledged, since its process died, is offered again after Q_CLUSTER's `retry` seconds, by the
database's clock; until then the row's payload ends with the worker that took it, so that its next
start can give back at once what it held. django-q's own cluster never runs, so what it alone calls
is left out.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

from django.db import connection
from django_q.brokers import Broker
from django_q.conf import Conf
from django_q.models import OrmQ
from django_q.signing import BadSignature, SignedPackage

from events import enqueue

# Parts a package from the worker that took it; no package has one, its text is base64 and colons.
_MARK = "@"
# `key` is not indexed and need not be: the ticker keeps the table at a few rows.
_TAKE_ON_POSTGRESQL = """
UPDATE django_q_ormq
SET lock = clock_timestamp() + make_interval(secs => %s),
    payload = split_part(payload, '@', 1) || %s
WHERE id = (
    SELECT id FROM django_q_ormq
    WHERE key = ANY(%s) AND (lock IS NULL OR lock < clock_timestamp())
    ORDER BY key, id LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING id, payload
"""
_LOOK_ON_SQLITE = """
SELECT id FROM django_q_ormq
WHERE key IN ({keys}) AND (lock IS NULL OR lock < strftime('%%Y-%%m-%%d %%H:%%M:%%f', 'now'))
ORDER BY key, id LIMIT 1
"""
_TAKE_ON_SQLITE = """
UPDATE django_q_ormq
SET lock = strftime('%%Y-%%m-%%d %%H:%%M:%%f', 'now', %s),
    payload = substr(payload, 1, instr(payload || '@', '@') - 1) || %s
WHERE id = %s AND (lock IS NULL OR lock < strftime('%%Y-%%m-%%d %%H:%%M:%%f', 'now'))
RETURNING id, payload
"""


class QueueBroker(Broker):  # type: ignore[misc]  # it ships no types
    """Takes tasks for one process: those of every lane, and its own host's probes."""

    def __init__(self, list_key: str | None = None, *, worker_id: UUID | None = None) -> None:
        """Without a worker's id the broker takes no probes."""
        super().__init__(list_key)
        self.keys = enqueue.keys_of(worker_id=worker_id)
        self._mark = _mark_of(worker_id) if worker_id else ""

    def take(self) -> tuple[int, str] | None:
        """Take the most urgent task; returns its row's id and package, None if none waits."""
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute(_TAKE_ON_POSTGRESQL, [Conf.RETRY, self._mark, self.keys])
            else:
                places = ", ".join(["%s"] * len(self.keys))
                cursor.execute(_LOOK_ON_SQLITE.format(keys=places), self.keys)
                found = cursor.fetchone()
                if found is None:
                    return None
                cursor.execute(_TAKE_ON_SQLITE, [f"+{Conf.RETRY} seconds", self._mark, found[0]])
            row: tuple[int, str] | None = cursor.fetchone()
            return None if row is None else (row[0], row[1].partition(_MARK)[0])

    def enqueue(self, task: str) -> int:
        """Add a package behind the urgent ones; our own code uses `events.enqueue`."""
        row_id: int = OrmQ.objects.create(key=self.keys[-1], payload=task, lock=None).pk
        return row_id

    def acknowledge(self, task_id: int) -> None:
        """Remove a task that was carried out or cannot be read."""
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM django_q_ormq WHERE id = %s", [task_id])


def taken_by(worker_id: UUID) -> Sequence[tuple[int, dict[str, Any]]]:
    """Return the tasks that a worker took and did not finish, with the ids of their rows."""
    rows = OrmQ.objects.filter(payload__endswith=_mark_of(worker_id)).values_list("pk", "payload")
    taken = []
    for row_id, text in rows:
        # One of another key is dropped when it is offered again.
        with suppress(TypeError, BadSignature):
            taken.append((row_id, SignedPackage.loads(text.partition(_MARK)[0])))
    return taken


def _mark_of(worker_id: UUID) -> str:
    return f"{_MARK}{worker_id.hex}"
