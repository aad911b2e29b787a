"""Fills an empty database with people, reads them in turn by both ways, and prints what each takes.

    python -m tests.benchmarks.people_reads PEOPLE [MORE]

First beside a bare ModelViewSet at PEOPLE; then, with MORE people, pages at the beginning, in the
middle and at the end. A call's time is the CPU of this process and of its PostgreSQL session.
"""

import statistics
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import django

django.setup()

from django.conf import settings  # noqa: E402 - Django is set up by now
from django.db import connection, transaction  # noqa: E402 - as above

from events.models import Event, EventDefinition  # noqa: E402 - as above
from events.services.counts import current  # noqa: E402 - as above
from subscribers.api import cursors  # noqa: E402 - as above
from subscribers.models import (  # noqa: E402 - as above
    List,
    ListMembership,
    MailActivity,
    OutgoingEmail,
    Subscriber,
    SubscriberTag,
    Tag,
    Workspace,
)
from subscribers.services.workspaces import workspaces  # noqa: E402 - as above
from tests import factories  # noqa: E402 - as above
from tests.conftest import new_caller  # noqa: E402 - as above
from tests.support.calling import Caller  # noqa: E402 - as above
from tests.support.engine_running import begin  # noqa: E402 - as above
from tests.support.many_rows import Value, id_at, moment_at, store  # noqa: E402 - as above
from tests.support.page_times import cpu_seconds  # noqa: E402 - as above
from tests.support.resources import PEOPLE  # noqa: E402 - as above
from tests.support.sequence_making import MAIL, make_sequence  # noqa: E402 - as above

ROUNDS, PAGE, TAGS = 40, 100, 30
PLAIN, BY_CURSOR = "/plain/subscribers", "/plain/by-cursor"
COUNTED, UNCOUNTED = f"{PEOPLE}?limit={PAGE}", f"{PEOPLE}?limit={PAGE}&includeTotal=false"


def main() -> None:
    """Fill, measure and print."""
    settings.ROOT_URLCONF = "tests.benchmarks.plain_people"
    workspace = workspaces.create(name="Benchmark", from_email="news@example.com")
    caller = new_caller(workspace)
    numbers = [int(each) for each in sys.argv[1:]]
    add_people(workspace, 0, numbers[0])
    add_history(workspace)
    sys.stdout.write(f"{connection.vendor}, {numbers[0]:,} people\n")
    measured = [f"person{number}@example.com" for number in range(3)]
    for email in measured:
        compare(caller, {"one, own": f"{PEOPLE}/{email}", "one, plain": f"{PLAIN}/{email}"})
    compare(caller, {"counted, own": COUNTED, "counted, plain": f"{PLAIN}?limit={PAGE}"})
    compare(caller, {"page, own": UNCOUNTED, "page, plain": f"{BY_CURSOR}?limit={PAGE}"})
    for more in numbers[1:]:
        add_people(workspace, numbers[0], more)
        current.count_due(now=datetime.now(tz=UTC), seconds=600)
        sys.stdout.write(f"{connection.vendor}, {more:,} people\n")
        compare(caller, {"first, counted": COUNTED, "first": UNCOUNTED, **pages(workspace, more)})


def pages(workspace: Workspace, people: int) -> dict[str, str]:
    """Return the thousandth page and the last one, by the cursors of the pages before."""
    rows = Subscriber.objects.in_workspace(workspace).order_by("-id").values_list("pk", flat=True)
    places = {"thousandth": 999 * PAGE, "last": people - PAGE}
    return {
        name: f"{PEOPLE}?limit={PAGE}&cursor={cursors.of_row(rows[place - 1])}"
        for name, place in places.items()
        if place < people
    }


def compare(caller: Caller, paths: dict[str, str]) -> None:
    """Call each path in turn, and print the least and the middle of each."""
    found: dict[str, list[float]] = {name: [] for name in paths}
    for _ in range(ROUNDS):
        for name, path in paths.items():
            began = cpu_seconds()
            reply = caller.get(path)
            found[name].append((cpu_seconds() - began) * 1000)
            assert reply.status == 200, reply.json
    (_, base), *_ = found.items()
    for name, each in found.items():
        least, middle = min(each), statistics.median(each)
        shares = f"{least / min(base):6.2f}x {middle / statistics.median(base):6.2f}x"
        sys.stdout.write(f"{name:16} {least:8.2f} ms {middle:8.2f} ms {shares}\n")
    sys.stdout.flush()


def add_people(workspace: Workspace, first: int, until: int) -> None:
    """Add people with two tags each, made over the last years."""
    now = time.time()
    tags = [
        Tag.objects.get_or_create(workspace=workspace, name=f"tag-{number}")[0].pk.hex
        for number in range(TAGS)
    ]
    people = [id_at(now - 1e7 + number) for number in range(first, until)]

    def rows() -> Iterator[tuple[Value, ...]]:
        for number, row_id in enumerate(people, first):
            address, at = f"person{number}@example.com", moment_at(now - 1e7 + number)
            said = f'{{"plan": "pro", "seats": {number % 90}, "city": "Berlin"}}'
            yield (
                row_id, workspace.pk.hex, address, address, f"c-{number}", f"First{number % 997}",
                f"Last{number % 4999}", "active", said, row_id, at, at,
            )  # fmt: skip

    with transaction.atomic():
        store(
            Subscriber,
            "id workspace email email_key external_id first_name last_name status attributes"
            " unsubscribe_token created_at updated_at",
            rows(),
        )
        links = (
            (id_at(now), workspace.pk.hex, person, tags[place], moment_at(now))
            for number, person in enumerate(people)
            for place in (number % 7, 7 + number % 23)
        )
        store(SubscriberTag, "id workspace subscriber tag created_at", links)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")


def add_history(workspace: Workspace) -> None:
    """Give a few people a history: nothing, ten events, and sixty with mails and an enrollment."""
    now = datetime.now(tz=UTC)
    news = List.objects.create(workspace=workspace, name="News")
    sequence = make_sequence(workspace, MAIL, now=now)
    view = EventDefinition.objects.create(workspace=workspace, name="view")
    for number, count in ((1, 10), (2, 60)):
        person = Subscriber.objects.get(email=f"person{number}@example.com")
        ListMembership.objects.create(workspace=workspace, subscriber=person, list=news)
        Event.objects.bulk_create(
            Event(
                workspace=workspace, subscriber=person, definition=view, occurred_at=now,
                received_at=now, properties={"order": each},
            )
            for each in range(count)
        )  # fmt: skip
        begin(sequence, person)
        for place in range(count // 5):
            mail = factories.OutgoingEmailFactory.create(
                workspace=workspace,
                subscriber=person,
                status=OutgoingEmail.Status.SENT,
                cause=f"benchmark:{number}:{place}",
            )
            MailActivity.objects.bulk_create(
                MailActivity(
                    workspace=workspace, subscriber=person, email=mail, kind=kind, at=now
                )
                for kind in ("delivered", "opened")
            )  # fmt: skip


if __name__ == "__main__":
    main()
