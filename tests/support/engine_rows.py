"""Fills an empty database with runs for the engine's benchmark; or measures claims among a million.

    python -m tests.support.engine_rows (steps|tags|mails) COUNT
    python -m tests.support.engine_rows claims COUNT

The first makes so many enrollments that are due now; the second makes so many that are due next
year, times empty looks and claims of 500, and prints them as JSON.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import django

django.setup()

from django.db import connection, transaction  # noqa: E402 - Django is set up by now

from events.models import Enrollment, Sequence  # noqa: E402 - as above
from events.services.engine import claiming  # noqa: E402 - as above
from subscribers.models import Subscriber, Workspace  # noqa: E402 - as above
from subscribers.services.workspaces import workspaces  # noqa: E402 - as above
from tests.support.sequence_making import make_sequence  # noqa: E402 - as above

LATER = {"type": "delay", "days": 300}
DONE = {"type": "delay", "days": 1}
UNMET = {"type": "attribute", "path": "plan", "operator": "not_exists"}
STEPS: dict[str, list[dict[str, Any]]] = {
    "steps": [DONE, {"type": "condition", "rules": [UNMET]}, LATER],
    "tags": [DONE, {"type": "update_tags", "add": ["welcomed"]}, LATER],
    "mails": [
        DONE,
        {
            "type": "email",
            "subject": "Hi {{subscriber.firstName|friend}}",
            "html": "<style>p {color: #333}</style><p>Welcome to {{workspace.name}}, "
            '{{subscriber.email}}.</p><p><a href="{{unsubscribeUrl}}">No more of this</a></p>',
        },
        LATER,
    ],
}
AT_ONCE = 2000
ROUNDS = 30


def main() -> None:
    """Do what the arguments say."""
    kind, count = sys.argv[1], int(sys.argv[2])
    now = datetime.now(tz=UTC)
    workspace = workspaces.create(name="Benchmark", from_email="news@example.com")
    if kind == "claims":
        sequence = make_sequence(workspace, *STEPS["steps"], now=now)
        add_enrollments(workspace, sequence, count, due_at=now + timedelta(days=365))
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("VACUUM ANALYZE events_enrollment")
        sys.stdout.write(json.dumps(measure_claims(workspace, sequence)))
        return
    sequence = make_sequence(workspace, *STEPS[kind], now=now)
    add_enrollments(workspace, sequence, count, due_at=now - timedelta(seconds=1))


def add_enrollments(
    workspace: Workspace, sequence: Sequence, count: int, *, due_at: datetime
) -> None:
    """Add people, each with an enrollment that waits in the first step."""
    version = sequence.current_version
    if version is None:
        raise ValueError("The sequence has no version.")
    step = version.steps.order_by("position").first()
    for begin in range(0, count, AT_ONCE):
        people = Subscriber.objects.bulk_create(
            Subscriber(workspace=workspace, email=address, email_key=address)
            for address in _addresses(due_at, begin, min(AT_ONCE, count - begin))
        )
        Enrollment.objects.bulk_create(
            Enrollment(
                workspace=workspace,
                sequence=sequence,
                version=version,
                subscriber=person,
                status=Enrollment.Status.WAITING,
                entry_slot="",
                step=step,
                step_since=due_at - timedelta(days=1),
                due_at=due_at,
            )
            for person in people
        )


def measure_claims(workspace: Workspace, sequence: Sequence) -> dict[str, float]:
    """Return the medians, in milliseconds, of an empty look and of claims of 500."""
    now = datetime.now(tz=UTC)
    empty = [_milliseconds(lambda: claiming.claim_due(now=now, most_batches=5)) for _ in range(200)]
    add_enrollments(workspace, sequence, 500 * ROUNDS, due_at=now - timedelta(seconds=1))
    claims = [_milliseconds(lambda: _claim(now)) for _ in range(ROUNDS)]
    reaped = [_milliseconds(claiming.return_expired) for _ in range(50)]
    return {
        "rows": Enrollment.objects.count(),
        "empty_ms": statistics.median(empty),
        "claim_500_ms": statistics.median(claims),
        "reaper_ms": statistics.median(reaped),
    }


def _claim(now: datetime) -> None:
    with transaction.atomic():
        batches = claiming.claim_due(now=now, most_batches=5)
    if sum(len(batch.ids) for batch in batches) != 500:
        raise ValueError("Fewer rows were due than are to be claimed.")


def _milliseconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def _addresses(due_at: datetime, begin: int, count: int) -> list[str]:
    return [f"p{begin + each}-{due_at.timestamp():.0f}@example.com" for each in range(count)]


if __name__ == "__main__":
    main()
