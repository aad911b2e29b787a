"""Files of events for the benchmarks of imports, and a database with the people in them.

    python -m tests.support.event_files FOLDER ROWS PEOPLE [KNOWN]

Writes `events.csv` and `events.jsonl` into the folder, and makes a workspace `bench` with the
people and names that occur in them; with a `KNOWN` of 0, without them.
"""

import random
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import django

django.setup()

from django.db import connection  # noqa: E402 - Django is set up by now

from events.models import EventDefinition  # noqa: E402 - as above
from subscribers.models import Subscriber  # noqa: E402 - as above
from subscribers.services.workspaces import workspaces  # noqa: E402 - as above

NAMES = [f"name{number}" for number in range(10)]
AT_ONCE = 1000
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
# Within the years that events may be old, whenever this enrollments.
DAYS = 1000


def main() -> None:
    """Do what the module says."""
    folder, rows, people = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    write_files(folder, rows, people)
    workspace = workspaces.create(name="Benchmark", slug="bench")
    known = int(sys.argv[4]) if len(sys.argv) > 4 else people
    if known:
        EventDefinition.objects.bulk_create(
            EventDefinition(workspace=workspace, name=name) for name in NAMES
        )
    for begin in range(0, known, AT_ONCE):
        addresses = [address(number) for number in range(begin, min(begin + AT_ONCE, known))]
        Subscriber.objects.bulk_create(
            Subscriber(workspace=workspace, email=each, email_key=each, created_at=LONG_AGO)
            for each in addresses
        )
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")


def write_files(folder: Path, rows: int, people: int) -> None:
    """Write the same rows in both formats."""
    with (folder / "events.csv").open("w") as table, (folder / "events.jsonl").open("w") as lines:
        table.write("email,name,eventId,occurredAt,properties\n")
        for email, name, event_id, moment, properties in draw(rows, people):
            quoted = properties.replace('"', '""')
            table.write(f'{email},{name},{event_id},{moment},"{quoted}"\n')
            lines.write(
                f'{{"email":"{email}","name":"{name}","eventId":"{event_id}",'
                f'"occurredAt":"{moment}","properties":{properties}}}\n'
            )


def draw(rows: int, people: int) -> Iterator[tuple[str, str, str, str, str]]:
    """Yield rows about people in no order, as applications have them."""
    chance = random.Random(6)  # noqa: S311 - the same rows each time
    today = datetime.now(tz=UTC).replace(microsecond=0)
    for number in range(rows):
        moment = today - timedelta(seconds=7200 + chance.randrange(DAYS * 86_400))
        properties = (
            f'{{"plan":"pro","amount":{chance.randrange(1000)},"page":"/pricing","seats":3}}'
        )
        yield (
            address(chance.randrange(people)),
            chance.choice(NAMES),
            f"evt-{number}",
            f"{moment:%Y-%m-%dT%H:%M:%SZ}",
            properties,
        )


def address(number: int) -> str:
    return f"person{number}@example.com"


if __name__ == "__main__":
    main()
