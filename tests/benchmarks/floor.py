"""The floor: the least that must be done to store a request, in one bare WSGI callable.

Same server, threads, tables, constraints and indexes as the product, every column that it writes,
by one prepared statement a request. No checks, no limits, no answers to mistakes.
"""

import os
import sqlite3
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec
import psycopg

from subscribers.ids import new_id

if TYPE_CHECKING:
    from wsgiref.types import StartResponse

DATABASE_URL = os.environ["DATABASE_URL"]
WORKSPACE = os.environ["BENCHMARK_WORKSPACE"]
TAG = os.environ["BENCHMARK_TAG"]
EFFECTS = os.environ["BENCHMARK_EFFECTS"]
TRIGGER = "buy"

POSTGRESQL = """
WITH known AS (
    INSERT INTO subscribers_subscriber (
        id, workspace_id, email, email_key, first_name, last_name, status, attributes, timezone,
        unsubscribe_token, created_at, updated_at)
    SELECT %(subscriber)s::uuid, %(workspace)s::uuid, %(email)s::text, %(email)s::text, '', '',
        'active', '{}', '',
        %(token)s::text, %(now)s::timestamptz, %(now)s::timestamptz
    WHERE NOT EXISTS (
        SELECT FROM subscribers_subscriber
        WHERE workspace_id = %(workspace)s::uuid AND email_key = %(email)s::text)
    RETURNING id
), person AS (
    SELECT id FROM known UNION ALL
    SELECT id FROM subscribers_subscriber
    WHERE workspace_id = %(workspace)s::uuid AND email_key = %(email)s::text
), tagged AS (
    INSERT INTO subscribers_subscribertag (id, workspace_id, subscriber_id, tag_id, created_at)
    SELECT %(link)s::uuid, %(workspace)s::uuid, person.id, %(tag)s::uuid, %(now)s::timestamptz
    FROM person WHERE %(is_tagged)s::boolean
    ON CONFLICT DO NOTHING
)
INSERT INTO events_event (
    id, workspace_id, subscriber_id, definition_id, event_id, occurred_at, received_at,
    is_historical, properties, effects)
SELECT e.id, %(workspace)s::uuid, person.id, d.id, e.event_id, %(now)s::timestamptz,
    %(now)s::timestamptz, false, e.properties, e.effects
FROM person, jsonb_to_recordset(%(events)s::jsonb) AS e (
    id uuid, name text, event_id text, properties jsonb, effects jsonb)
JOIN events_eventdefinition d ON d.workspace_id = %(workspace)s::uuid AND d.name = e.name
ON CONFLICT DO NOTHING
"""
SQLITE_PERSON = """
SELECT id FROM subscribers_subscriber WHERE workspace_id = ? AND email_key = ?
"""
SQLITE_NEW_PERSON = """
INSERT INTO subscribers_subscriber (
    id, workspace_id, email, email_key, first_name, last_name, status, attributes, timezone,
    unsubscribe_token, created_at, updated_at)
VALUES (?, ?, ?, ?, '', '', 'active', '{}', '', ?, ?, ?)
"""
SQLITE_TAG = """
INSERT INTO subscribers_subscribertag (id, workspace_id, subscriber_id, tag_id, created_at)
VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
"""
SQLITE_EVENT = """
INSERT INTO events_event (
    id, workspace_id, subscriber_id, definition_id, event_id, occurred_at, received_at,
    is_historical, properties, effects)
SELECT ?, ?, ?, d.id, ?, ?, ?, false, ?, ?
FROM events_eventdefinition d WHERE d.workspace_id = ? AND d.name = ?
ON CONFLICT DO NOTHING
"""
_own = threading.local()


def write_postgresql(email: str, events: list[dict[str, Any]]) -> None:
    """Store a request in one prepared statement, in autocommit."""
    if not hasattr(_own, "connection"):
        _own.connection = psycopg.connect(DATABASE_URL, autocommit=True)
    rows = [
        {
            "id": new_id(),
            "name": event["name"],
            "event_id": event.get("eventId"),
            "properties": event.get("properties", {}),
            "effects": msgspec.Raw(EFFECTS.encode()) if event["name"] == TRIGGER else {},
        }
        for event in events
    ]
    parameters = {
        "workspace": WORKSPACE,
        "subscriber": new_id(),
        "link": new_id(),
        "tag": TAG,
        "is_tagged": any(event["name"] == TRIGGER for event in events),
        "email": email,
        "token": os.urandom(16).hex(),
        "now": datetime.now(tz=UTC),
        "events": msgspec.json.encode(rows).decode(),
    }
    _own.connection.execute(POSTGRESQL, parameters, prepare=True)


def write_sqlite(email: str, events: list[dict[str, Any]]) -> None:
    """Store a request in one transaction of prepared statements."""
    if not hasattr(_own, "connection"):
        _own.connection = sqlite3.connect(
            urlsplit(DATABASE_URL).path[1:], timeout=20, isolation_level=None
        )
        _own.connection.execute("PRAGMA synchronous=NORMAL")
    execute = _own.connection.execute
    now = datetime.now(tz=UTC).replace(tzinfo=None).isoformat(sep=" ")
    execute("BEGIN IMMEDIATE")
    row = execute(SQLITE_PERSON, (WORKSPACE, email)).fetchone()
    person = row[0] if row else new_id().hex
    if row is None:
        token = os.urandom(16).hex()
        execute(SQLITE_NEW_PERSON, (person, WORKSPACE, email, email, token, now, now))
    if any(event["name"] == TRIGGER for event in events):
        execute(SQLITE_TAG, (new_id().hex, WORKSPACE, person, TAG, now))
    _own.connection.executemany(
        SQLITE_EVENT,
        [
            (
                new_id().hex,
                WORKSPACE,
                person,
                event.get("eventId"),
                now,
                now,
                msgspec.json.encode(event.get("properties", {})).decode(),
                EFFECTS if event["name"] == TRIGGER else "{}",
                WORKSPACE,
                event["name"],
            )
            for event in events
        ],
    )
    execute("COMMIT")


write: Callable[[str, list[dict[str, Any]]], None] = (
    write_sqlite if DATABASE_URL.startswith("sqlite") else write_postgresql
)


def application(environ: dict[str, Any], start_response: "StartResponse") -> Iterable[bytes]:
    """Store the request and say so."""
    body = msgspec.json.decode(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
    write(body["email"], body["events"])
    answer = b'{"success":true}'
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(answer)))]
    start_response("200 OK", headers)
    return [answer]


def main(seconds: float, count: int) -> None:
    """Store requests from four threads without a server, and print how many a second."""
    stop_at = time.monotonic() + seconds
    done = [0] * 4

    def run(number: int) -> None:
        while time.monotonic() < stop_at:
            mark = uuid.uuid4().hex
            events = [
                {"name": f"name{position % 10}", "eventId": f"{mark}-{position}", "properties": {}}
                for position in range(count)
            ]
            write(f"p{(done[number] * 7) % 2000}@example.com", events)
            done[number] += 1

    threads = [threading.Thread(target=run, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sys.stdout.write(f"{sum(done) / seconds}\n")


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]))
