"""Fills an empty database with the rows of a large installation; the roll-ups count them.

    python -m tests.support.scale_rows EVENTS

EVENTS of 30 days; per million: 200,000 people, 300,000 enrollments, 500,000 mails, and never more.
A hundredth of it belongs to a small workspace, whose last event is ten days old: the hardest case
of a list that reads the newest rows. One person has a twentieth of the events.
"""

import json
import random
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import accumulate

import django

django.setup()

from django.contrib.admin.models import CHANGE, LogEntry  # noqa: E402 - Django is set up by now
from django.contrib.auth.models import User  # noqa: E402 - as above
from django.contrib.contenttypes.models import ContentType  # noqa: E402 - as above
from django.db import connection, transaction  # noqa: E402 - as above
from django.db.models import F  # noqa: E402 - as above

from events.models import (  # noqa: E402 - as above
    Enrollment,
    Event,
    EventCount,
    EventDefinition,
    FailedStage,
    Sequence,
    Step,
    StepRun,
    TouchedHour,
)
from events.services.counts import (  # noqa: E402 - as above
    current,
    endings,
    numbers,
    roll_ups,
    step_roll_ups,
)
from subscribers.models import (  # noqa: E402 - as above
    ConsentRecord,
    List,
    ListMembership,
    MailActivity,
    OutgoingEmail,
    Subscriber,
    SubscriberTag,
    Suppression,
    Tag,
    Workspace,
)
from subscribers.services.workspaces import workspaces  # noqa: E402 - as above
from tests.support.many_rows import Value, id_at, moment_at, store  # noqa: E402 - as above
from tests.support.segment_making import make_segment  # noqa: E402 - as above
from tests.support.sequence_making import MAIL, make_sequence  # noqa: E402 - as above

DAYS, IDLE_DAYS = 30, 10
DAY, HOUR = 86400.0, 3600.0
MILLION = 1_000_000
DEFINITIONS, SMALL_DEFINITIONS, SEQUENCES, TAGS, LISTS = 40, 10, 18, 30, 5
# Every hundredth row belongs to the small workspace, every twentieth event to the busy person.
SMALL, BUSY = 100, 20
STEPS = (
    {"type": "delay", "hours": 1},
    MAIL,
    {"type": "wait_for_event", "eventName": "event-01", "timeout": {"days": 2}},
    {"type": "condition", "rules": [{"type": "did_not_event", "eventName": "event-02"}]},
    MAIL,
    {"type": "delay", "days": 3},
    MAIL,
)
PEOPLE_STATUSES = ["active"] * 85 + ["pending"] * 5 + ["unsubscribed"] * 8 + ["bounced"] * 2
MAIL_STATUSES = ["sent"] * 92 + ["failed"] * 2 + ["skipped"] * 4 + ["unknown"] * 2
ENDS = [("completed", "")] * 80 + [("stopped", "stop_condition")] * 14 + [("failed", "gave_up")] * 6
HTML = "<p>Hello {{name}}</p>" + "<p>There is news about your plan, and how to use it.</p>" * 30
Row = tuple[Value, ...]


class Filling:
    """What the rows of one database have in common."""

    def __init__(self, events: int, *, now: datetime) -> None:
        share = min(events / MILLION, 1)
        self.events = events
        self.people_count, self.enrollments = int(200_000 * share), int(300_000 * share)
        self.now = now.timestamp()
        self.since = self.now - DAYS * DAY
        self.random = random.Random(18)  # noqa: S311 - no secret
        self.big = self._workspace("Large Shop")
        self.small = self._workspace("Small Shop")
        self.big_names = self._definitions(self.big, DEFINITIONS, "event")
        self.small_names = self._definitions(self.small, SMALL_DEFINITIONS, "small")
        self.sequences = [self._sequence(self.big, number) for number in range(SEQUENCES)]
        self.small_sequences = [self._sequence(self.small, number) for number in range(2)]
        self.counts: Counter[tuple[str, str, str, float]] = Counter()
        self.people: list[str] = []
        self.mails: list[tuple[str, str, str, float]] = []

    def is_small(self, number: int) -> bool:
        return number % SMALL == 0

    def workspace_of(self, number: int) -> str:
        return (self.small if self.is_small(number) else self.big).pk.hex

    def moment(self, number: int, count: int) -> float:
        """Return when the row was made: evenly over the days, earlier in the small workspace."""
        days = DAYS - IDLE_DAYS if self.is_small(number) else DAYS
        return self.since + number / count * days * DAY

    def person(self, number: int) -> str:
        """Return somebody of the number's workspace."""
        place = self.random.randrange(self.people_count // SMALL) * SMALL
        return self.people[place if self.is_small(number) else place + 1 + number % (SMALL - 1)]

    def _workspace(self, name: str) -> Workspace:
        found = workspaces.create(name=name, from_email="news@example.com")
        Workspace.objects.filter(pk=found.pk).update(tracks_opens=True, tracks_clicks=True)
        return found

    def _definitions(self, workspace: Workspace, count: int, word: str) -> list[str]:
        """Make definitions; a name is in the list as often as it comes, by its rank."""
        ids = [
            EventDefinition.objects.create(workspace=workspace, name=f"{word}-{number:02}").pk.hex
            for number in range(count)
        ]
        return [each for rank, each in enumerate(ids, 1) for _ in range(1000 // rank)]

    def _sequence(self, workspace: Workspace, number: int) -> tuple[Sequence, list[Step]]:
        start = f"event-{number:02}"
        made = make_sequence(workspace, *STEPS, now=datetime.now(tz=UTC), eventName=start)
        assert made.current_version is not None
        return made, list(made.current_version.steps.order_by("position"))


def main() -> None:
    """Fill, count, and print what it took."""
    began, now = time.perf_counter(), datetime.now(tz=UTC)
    if connection.vendor == "sqlite":
        # Counting commits a thousand times, and nothing here needs to outlive a power cut.
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA synchronous = OFF")
    filling = Filling(int(sys.argv[1]), now=now)
    with transaction.atomic():
        add_people(filling)
        add_audience(filling)
    with transaction.atomic():
        store(
            Event,
            "id workspace subscriber definition event_id occurred_at received_at is_historical"
            " properties effects",
            events(filling),
        )
        store(
            EventCount,
            "id workspace definition unit starts_at count",
            (
                (id_at(filling.now), owner, name, unit, moment_at(at), number)
                for (owner, name, unit, at), number in filling.counts.items()
            ),
        )
    with transaction.atomic():
        add_enrollments(filling)
        add_rest(filling, now=now)
    filled = time.perf_counter()
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")
    count(now=now)
    took = {"fill": round(filled - began), "count": round(time.perf_counter() - filled)}
    sys.stdout.write(json.dumps(took) + "\n")


def count(*, now: datetime) -> None:
    """Let the roll-ups count everything."""
    while roll_ups.roll_up(now=now, since=now) >= roll_ups.MOST_HOURS:
        pass
    endings.roll_up(now=now)
    while (at := numbers.counted_at()) is None or at < now - timedelta(minutes=10):
        step_roll_ups.roll_up(now=now)
    while TouchedHour.objects.exists():
        step_roll_ups.roll_up(now=now)
    current.count_due(now=now, seconds=600)


def add_people(filling: Filling) -> None:
    def rows() -> Iterator[Row]:
        for number in range(filling.people_count):
            made = filling.now - 700 * DAY * (1 - number / filling.people_count) - 60
            row_id, at = id_at(made), moment_at(made)
            filling.people.append(row_id)
            address = f"person{number}@mail{number % 50}.example.com"
            said = json.dumps({"plan": ["solo", "pro"][number % 2], "visits": number % 90})
            yield (
                row_id, filling.workspace_of(number), address, address,
                f"c-{number}" if number % 2 else None, f"First{number % 997}",
                f"Last{number % 4999}", PEOPLE_STATUSES[number * 7 % 100], said,
                id_at(made), at, at,
            )  # fmt: skip

    store(
        Subscriber,
        "id workspace email email_key external_id first_name last_name status attributes"
        " unsubscribe_token created_at updated_at",
        rows(),
    )


def add_audience(filling: Filling) -> None:
    """Add tags, lists, the ledger and suppressed addresses."""
    tags: tuple[list[str], list[str]] = ([], [])
    lists: tuple[list[str], list[str]] = ([], [])
    for place, workspace in enumerate((filling.big, filling.small)):
        for number in range(TAGS):
            tags[place].append(Tag.objects.create(workspace=workspace, name=f"tag-{number}").pk.hex)
        for number in range(LISTS):
            lists[place].append(
                List.objects.create(workspace=workspace, name=f"List {number}").pk.hex
            )
    times = [
        (number, person, filling.workspace_of(number), filling.moment(number, filling.people_count))
        for number, person in enumerate(filling.people)
    ]
    store(
        SubscriberTag,
        "id workspace subscriber tag created_at",
        (
            (id_at(at), owner, person, tags[filling.is_small(number)][tag % TAGS], moment_at(at))
            for number, person, owner, at in times
            for tag in (number % 7, 7 + number % 23)
        ),
    )
    store(
        ListMembership,
        "id workspace list subscriber subscribed_at unsubscribed_at",
        (
            (id_at(at), owner, mine[number % LISTS], person, moment_at(at), left)
            for number, person, owner, at in times
            for mine in (lists[filling.is_small(number)],)
            for left in (None if number % 9 else moment_at(at + 60),)
        ),
    )
    store(
        ConsentRecord,
        "id workspace subscriber address_hash kind method at",
        (
            (id_at(at + place), owner, person, f"{number:064x}", kind, "button", moment_at(at))
            for number, person, owner, at in times
            for place, kind in enumerate(("asked", "confirmed")[: number % 3])
        ),
    )
    store(
        Suppression,
        "id workspace address_hash email reason source",
        (
            (id_at(at), owner, f"{number:064x}", f"person{number}@example.com", "manual", "admin")
            for number, _, owner, at in times[::50]
        ),
    )


def events(filling: Filling) -> Iterator[Row]:
    """Yield the rows, and count them by hour and day: the worker needs minutes for a million."""
    rise = filling.random.random
    busy, started = filling.people[1], filling.sequences[0][0]
    start = {"sequence": started.name, "sequenceId": started.pk.hex, "by": "event"}
    effects = json.dumps({"sequencesStarted": [{**start, "enrollment": id_at(filling.now)}]})
    said = [
        f'{{"plan": "{("solo", "pro")[each % 2]}", "order": {{"id": "A-{each}", "total": {each}}}}}'
        for each in range(1000)
    ]
    for number in range(filling.events):
        at = filling.moment(number, filling.events)
        names = filling.small_names if filling.is_small(number) else filling.big_names
        is_old = number % 50 == 7
        occurred = at - rise() * (DAYS * DAY if is_old else 30)
        name, owner = names[int(rise() * len(names))], filling.workspace_of(number)
        filling.counts[owner, name, "hour", at // HOUR * HOUR] += 1
        filling.counts[owner, name, "day", occurred // DAY * DAY] += 1
        yield (
            id_at(at), owner, busy if number % BUSY == 1 else filling.person(number), name,
            f"e-{number}" if number % 2 else None, moment_at(occurred), moment_at(at), int(is_old),
            said[number % 1000], "{}" if number % 10 else effects,
        )  # fmt: skip


def add_enrollments(filling: Filling) -> None:
    """Add enrollments with what their steps did; most have ended."""
    runs: list[Row] = []
    mails: list[Row] = []
    taken: set[tuple[str, str]] = set()

    def rows() -> Iterator[Row]:
        weights = list(accumulate(1 / rank for rank in range(1, SEQUENCES + 1)))
        for number in range(filling.enrollments):
            at = filling.moment(number, filling.enrollments)
            is_small = filling.is_small(number)
            chosen = filling.small_sequences if is_small else filling.sequences
            weight = weights[: len(chosen)]
            sequence, steps = filling.random.choices(chosen, cum_weights=weight)[0]
            person, row_id = filling.person(number), id_at(at)
            is_under_way = number % 10 == 5 and (person, sequence.pk.hex) not in taken
            done = number % len(steps) if is_under_way else len(steps)
            if is_under_way:
                taken.add((person, sequence.pk.hex))
            for place, step in enumerate(steps[:done]):
                add_run(number, row_id, step, person, min(at + place * DAY / 3, filling.now))
            status, reason = ("waiting", "") if is_under_way else ENDS[number * 7 % 100]
            due = moment_at(filling.now + number % 5 * DAY + 3600)
            yield (
                row_id, filling.workspace_of(number), sequence.pk.hex,
                steps[0].version_id.hex, person, status, "" if is_under_way else None,
                steps[min(done, len(steps) - 1)].pk.hex, moment_at(at),
                due if is_under_way else None, reason, moment_at(at), moment_at(at),
                None if is_under_way else moment_at(min(at + 2 * DAY, filling.now)),
            )  # fmt: skip

    def add_run(number: int, enrollment: str, step: Step, person: str, at: float) -> None:
        mail_id, status = None, "done"
        if step.kind == Step.Kind.EMAIL and number % 9 != 0:
            mail_id, became = id_at(at), MAIL_STATUSES[(number + step.position) * 7 % 100]
            status = became if became in {"failed", "skipped"} else "done"
            mail: Row = (
                mail_id, filling.workspace_of(number), person, "marketing",
                f"{Enrollment.MAIL_CAUSE_PREFIX}{enrollment}:{step.pk.hex}:1", became,
                f"<{mail_id}@example.com>", "Shop <news@example.com>", "person@example.com",
                "News", HTML, "News", 1, "550 no" if became == "failed" else "",
                "unsubscribed" if became == "skipped" else "", moment_at(at),
                moment_at(at) if became in {"sent", "unknown"} else None,
            )  # fmt: skip
            mails.append(mail)
            if became == "sent":
                filling.mails.append((mail_id, filling.workspace_of(number), person, at))
        begun = moment_at(at)
        owner = filling.workspace_of(number)
        runs.append((id_at(at), owner, enrollment, step.pk.hex, status, mail_id, begun, begun))

    store(
        Enrollment,
        "id workspace sequence version subscriber status entry_slot step step_since due_at reason"
        " entered_at updated_at ended_at",
        rows(),
    )
    store(
        OutgoingEmail,
        "id workspace subscriber kind cause status message_id sender recipient subject html text"
        " attempts last_error reason created_at sent_at",
        mails,
    )
    store(StepRun, "id workspace enrollment step status email started_at ended_at", runs)


def add_rest(filling: Filling, *, now: datetime) -> None:
    """Add the activity of mails, failed stages, log entries and segments."""
    store(
        MailActivity,
        "id workspace email subscriber kind quality at last_at",
        (
            (id_at(at + 60), owner, mail, person, kind, quality, *[moment_at(at + 60)] * 2)
            for number, (mail, owner, person, at) in enumerate(filling.mails)
            for kind, quality in (("delivered", ""), ("opened", "human"), ("clicked", "human"))[
                : number % 4
            ]
        ),
    )
    failed = {"workspace": filling.big, "stage": FailedStage.Stage.TRIGGER_SEQUENCES}
    FailedStage.objects.bulk_create(
        FailedStage(event=event, failed_at=now, next_attempt_at=now + timedelta(hours=1), **failed)
        for event in Event.objects.filter(workspace=filling.big).order_by("-pk")[:50]
    )
    user = User.objects.create_superuser("scale", "scale@example.com", "scale")
    tag = ContentType.objects.get_for_model(Tag)
    LogEntry.objects.bulk_create(
        LogEntry(user=user, content_type=tag, object_id="1", object_repr="tag", action_flag=CHANGE)
        for _ in range(5000)
    )
    make_segment(
        filling.big,
        {"field": "event", "operator": "at_least", "value": "event-01:2:30d"},
        {"field": "tag", "operator": "contains", "value": "tag-1"},
        name="Did and tagged",
    )
    make_segment(filling.big, {"field": "status", "operator": "is", "value": "active"}, name="All")
    Workspace.objects.update(config_version=F("config_version") + 1)


if __name__ == "__main__":
    main()
