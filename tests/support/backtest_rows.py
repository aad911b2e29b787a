"""Fills an empty database with events of 30 days, and times a backtest over them.

    python -m tests.support.backtest_rows EVENTS

A quarter of the events are the trigger's, a tenth as many people sent them. Prints JSON.
"""

import json
import resource
import sys
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

import django

django.setup()

from django.db import connection  # noqa: E402 - Django is set up by now

from events.models import Backtest, EventDefinition, Sequence  # noqa: E402 - as above
from events.services import backtests  # noqa: E402 - as above
from subscribers.ids import new_id  # noqa: E402 - as above
from subscribers.models import Subscriber, Workspace  # noqa: E402 - as above
from subscribers.services.workspaces import workspaces  # noqa: E402 - as above
from tests.support.sequence_making import MAIL, make_sequence  # noqa: E402 - as above

DAYS = 30
# By the last digits of an event's number.
NAMES = (*["signup"] * 5, *["bought"] * 2, *["opened"] * 5, "cancelled", *["other"] * 7)
STEPS = (
    {"type": "delay", "hours": 1},
    MAIL,
    {"type": "wait_for_event", "eventName": "opened", "timeout": {"days": 2}},
    {"type": "condition", "rules": [{"type": "did_not_event", "eventName": "cancelled"}]},
    MAIL,
    {"type": "delay", "days": 3},
    MAIL,
)
AT_ONCE = 5000


def main() -> None:
    """Fill, test, and print what it took."""
    count, now = int(sys.argv[1]), datetime.now(tz=UTC)
    workspace = workspaces.create(name="Benchmark", from_email="news@example.com")
    sequence = make_sequence(
        workspace,
        *STEPS,
        is_active=False,
        propertyFilters=[{"path": "plan", "operator": "equals", "value": "pro"}],
        stopCondition={"type": "event_received", "value": "bought"},
    )
    add_events(workspace, count, now=now)
    sys.stdout.write(json.dumps(measure(sequence, now=now)))


def measure(sequence: Sequence, *, now: datetime) -> dict[str, object]:
    """Work until the backtest has ended."""
    run = backtests.request(sequence=sequence, days=DAYS, requested_by="", now=now)
    began, cpu, slices = time.perf_counter(), time.process_time(), 1
    while backtests.carry_on(now=now):
        slices += 1
    found = Backtest.objects.get(pk=run.pk)
    return {
        "seconds": round(time.perf_counter() - began, 1),
        "cpu": round(time.process_time() - cpu, 1),
        "slices": slices,
        "status": found.status,
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        **{name: found.result[name] for name in ("people", "events", "entered", "mails")},
    }


def add_events(workspace: Workspace, count: int, *, now: datetime) -> None:
    """Add events of everybody, evenly over the days, by statements of the database alone."""
    people = max(count // 10, 1)
    for begin in range(0, people, AT_ONCE):
        Subscriber.objects.bulk_create(
            Subscriber(
                id=new_id(),
                workspace=workspace,
                email=f"p{number}@example.com",
                email_key=f"p{number}@example.com",
                status=Subscriber.Status.ACTIVE,
            )
            for number in range(begin, min(begin + AT_ONCE, people))
        )
    ids = {
        name: EventDefinition.objects.create(workspace=workspace, name=name).pk
        for name in sorted(set(NAMES))
    }
    with connection.cursor() as cursor:
        cursor.execute(statement(workspace, ids, count=count, people=people, now=now))
        cursor.execute("ANALYZE")


def statement(
    workspace: Workspace, ids: dict[str, UUID], *, count: int, people: int, now: datetime
) -> str:
    """Return the insert of all events: neighbours are of other people, and each has all names."""
    is_sqlite = connection.vendor == "sqlite"
    since, step, names = now - timedelta(days=DAYS), DAYS * 86400 / count, len(NAMES)
    plan = "CASE i % 2 WHEN 0 THEN 'pro' ELSE 'solo' END"
    if is_sqlite:
        numbers = f"SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {count - 1}"  # noqa: S608 - as below
        key, uuid, no, empty = "lower(hex(randomblob(16)))", "", "0", "'{}'"
        start = f"'{since:%Y-%m-%d %H:%M:%S}'"
        at = f"strftime('%Y-%m-%d %H:%M:%f', {start}, (i * {step}) || ' seconds')"
        said = f"""'{{"plan": "' || {plan} || '", "order": {{"id": "A-' || i || '"}}}}'"""
    else:
        numbers = f"SELECT generate_series(0, {count - 1})"
        key, uuid, no, empty = "gen_random_uuid()", "::uuid", "false", "'{}'::jsonb"
        at = f"'{since.isoformat()}'::timestamptz + i * {step} * interval '1 second'"
        said = f"jsonb_build_object('plan', {plan}, 'order', jsonb_build_object('id', 'A-' || i))"
    definitions = ", ".join(
        f"({place}, '{_written(ids[name])}')" for place, name in enumerate(NAMES)
    )
    return f"""
    WITH RECURSIVE n(i) AS ({numbers}), d(place, id) AS (VALUES {definitions}),
    p(place, id) AS (SELECT row_number() OVER (ORDER BY id) - 1, id FROM subscribers_subscriber)
    INSERT INTO events_event (id, workspace_id, subscriber_id, definition_id, occurred_at,
        received_at, is_historical, properties, effects)
    SELECT {key}, '{_written(workspace.pk)}'{uuid}, p.id, d.id{uuid}, {at}, {at}, {no}, {said},
        {empty}
    FROM n JOIN d ON d.place = i % {names}
    JOIN p ON p.place = ((i / {names}) * 7919 + (i % {names}) * 104729) % {people}
    """  # noqa: S608 - our own values


def _written(row_id: UUID) -> str:
    """Return an id as the database writes it."""
    return row_id.hex if connection.vendor == "sqlite" else str(row_id)


if __name__ == "__main__":
    main()
