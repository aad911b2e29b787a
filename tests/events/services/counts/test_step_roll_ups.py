"""Roll-ups of what steps did equal what the rows say, after any traffic and faults."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import DatabaseError, OperationalError, connection
from django.db.models.functions import Now
from pytest_django.fixtures import Settings

from events.intake.payloads import EventDraft
from events.models import Enrollment, SequenceCount, SequenceCountMark, TouchedHour
from events.services.counts import step_roll_ups, touched_hours
from events.services.engine import mail_breaker
from events.services.enrollments import by_operator
from events.services.ingestion import ingest
from events.services.ingestion.request import IngestRequest, current_limits
from events.worker import rounds
from subscribers import ids
from subscribers.models import MailActivity, OutgoingEmail, Subscriber, Workspace
from subscribers.services.activity import recording
from subscribers.services.activity.recording import Seen
from subscribers.services.consent import unsubscribing
from subscribers.services.consent.ledger import Circumstances
from subscribers.services.outbox import outbox
from subscribers.services.people import erasing
from subscribers.wire import addresses
from subscribers.wire.payloads import Person
from tests import factories
from tests.support import time_travel
from tests.support.engine_running import enrollment_of
from tests.support.moody_mail import Killed, Mood, MoodyBackend
from tests.support.recounting import recounted, rolled_up
from tests.support.sequence_making import MAIL, make_sequence
from tests.support.time_travel import TimeTravel

pytestmark = pytest.mark.django_db
MORNING = datetime(2026, 11, 23, 16, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
NOW = datetime(2126, 1, 1, tzinfo=UTC)
STEPS: list[dict[str, Any]] = [
    {"type": "split", "id": "ab", "branches": [
        {"id": "a", "weight": 1, "next": "one"}, {"id": "b", "weight": 1, "next": "two"},
    ]},
    {**MAIL, "id": "one", "subject": "One"},
    {"type": "delay", "id": "pause", "hours": 7},
    {**MAIL, "id": "two", "subject": "Two", "onFailure": "end"},
    {"type": "wait_for_event", "id": "wait", "eventName": "bought", "timeout": 1},
    {"type": "condition", "id": "vip", "onFalse": "exit", "rules": [
        {"type": "attribute", "path": "vip", "operator": "exists"},
    ]},
    {**MAIL, "id": "three", "subject": "Three"},
]  # fmt: skip


class Traffic:
    """People who come, buy and leave; a mail server in moods; workers that are killed; operators
    who repair.
    """

    def __init__(self, workspace: Workspace, seed: int) -> None:
        self.workspace = workspace
        self.travel = TimeTravel(MORNING)
        self.chance = random.Random(seed)  # noqa: S311 - the same each time
        self.people = 0
        self.faults: Counter[str] = Counter()
        stop = {"type": "event_received", "value": "refunded"}
        self.sequence = make_sequence(workspace, *STEPS, stopCondition=stop, now=MORNING)

    def go_on(self) -> None:
        """An hour with some of everything."""
        for _ in range(self.chance.randrange(5)):
            self.people += 1
            self.report(self.people, "signup")
        self.report(self.any_one(), self.chance.choice(["bought", "refunded", "signup"]))
        MoodyBackend.mood = self.chance.choice(
            [Mood.WELL, Mood.WELL, Mood.WELL, Mood.LATER, Mood.NEVER, Mood.SILENT, Mood.KILLED]
        )
        until = self.travel.now + HOUR
        try:
            self.travel.run_until(until - HOUR * 5 / 6)
        except Killed:
            self.come_back()
        MoodyBackend.mood = Mood.WELL
        mail_breaker.reset()
        self.travel.run_until(until)
        self.read()
        self.chance.choice([self.repair, self.erase, self.leave, self.cancel, self.repair])()

    def come_back(self) -> None:
        """The claims of the killed worker expire, and another returns them."""
        self.faults["killed"] += 1
        past = Now() - timedelta(seconds=1)
        for model in (Enrollment, OutgoingEmail):
            model.objects.filter(lease_token__isnull=False).update(lease_expires_at=past)
        rounds.return_expired()

    def roll_up_until_cut(self) -> None:
        """Lose the database at some statement of a roll-up, which stays half done."""
        statements = self.chance.randrange(1, 60)

        def cut(execute: Callable[..., object], *arguments: object) -> object:
            nonlocal statements
            statements -= 1
            if statements == 0:
                self.faults["cut"] += 1
                raise OperationalError
            return execute(*arguments)

        with connection.execute_wrapper(cut), suppress(DatabaseError):
            step_roll_ups.roll_up(now=self.travel.now)

    def read(self) -> None:
        """Let people and machines read some mails; some of it is reported late."""
        sent = OutgoingEmail.objects.filter(status="sent").order_by("pk")
        for email in [each for each in sent if self.chance.random() < 1 / 3]:
            at = max(email.created_at, self.travel.now - self.chance.choice([0, 1, 30]) * HOUR)
            kind = self.chance.choice(["delivered", "opened", "opened", "clicked", "deferred"])
            quality = self.chance.choice(["human", "machine", "unknown"])
            seen = recording.Seen(
                email=email,
                kind=MailActivity.Kind(kind),
                quality=quality if kind in {"opened", "clicked"} else "",
                url=self.chance.choice(["https://a.example", "https://b.example"]),
                at=at,
            )
            recording.record(seen=[seen])

    def report(self, number: int, name: str) -> None:
        now = self.travel.now
        event = EventDraft(
            name=name, properties={}, occurred_at=now, event_id=None, is_historical=False
        )
        address = addresses.parse(f"person-{number}@example.com")
        attributes = {"vip": True} if number % 2 else {}
        ingest.record(
            IngestRequest(
                workspace=self.workspace,
                person=Person(email=address, external_id=None, attributes=attributes),
                events=[event],
                limits=current_limits(),
                now=now,
            )
        )

    def repair(self) -> None:
        now = self.travel.now
        for enrollment in Enrollment.objects.filter(status="failed")[:2]:
            # Somebody who has entered again since is not tried.
            with suppress(by_operator.AlreadyEnrolled):
                by_operator.retry(enrollment=enrollment, now=now)
        for email in OutgoingEmail.objects.filter(status="failed", due_at=None)[:2]:
            outbox.send_again(email=email, now=now)
        for email in OutgoingEmail.objects.filter(status="unknown")[:1]:
            outbox.settle_as_sent(email=email, now=now)
        for email in OutgoingEmail.objects.filter(status="unknown")[:1]:
            outbox.send_again(email=email, now=now)

    def erase(self) -> None:
        if person := self.one():
            erasing.erase(subscriber_id=person.pk, circumstances=BY_OPERATOR, now=self.travel.now)

    def leave(self) -> None:
        if person := self.one():
            unsubscribing.leave(
                subscriber_ids=[person.pk],
                now=self.travel.now,
                method=unsubscribing.UnsubscribeMethod.SERVICE,
            )

    def cancel(self) -> None:
        rows = Enrollment.objects.filter(status__in=Enrollment.UNDER_WAY)
        if row := rows.order_by("pk").first():
            by_operator.cancel(enrollment=row, now=self.travel.now)

    def any_one(self) -> int:
        return self.chance.randrange(max(self.people, 1)) + 1

    def one(self) -> Subscriber | None:
        return Subscriber.objects.filter(email_key=f"person-{self.any_one()}@example.com").first()


BY_OPERATOR = Circumstances()


@pytest.fixture
def moody(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    settings.EMAIL_BACKEND = "tests.support.moody_mail.MoodyBackend"
    monkeypatch.setattr(time_travel, "MOST_ROUNDS", 2000)
    mail_breaker.reset()
    yield
    MoodyBackend.mood = Mood.WELL
    mail_breaker.reset()


@pytest.mark.usefixtures("moody")
@pytest.mark.parametrize("seed", [12, 13])
def test_roll_ups_equal_recounts_after_a_day_of_faults(workspace: Workspace, seed: int) -> None:
    traffic = Traffic(workspace, seed=seed)
    with ids.made_at(traffic.travel.clock):
        for hour in range(24):
            traffic.go_on()
            # The worker is away at times, once for half of the day.
            if hour % 3 == 0 and not 4 <= hour < 16:
                step_roll_ups.roll_up(now=traffic.travel.now)
            if hour % 3 == 1:
                traffic.roll_up_until_cut()
        traffic.travel.run_for(2 * DAY)

    step_roll_ups.roll_up(now=traffic.travel.now)

    assert rolled_up("day") == rolled_up("hour") == recounted()
    assert not TouchedHour.objects.exists()
    assert {key[3] for key in rolled_up()} >= {
        "entered", "ended", "mailed", "branch", "done", "delivered", "opened", "clicked",
    }  # fmt: skip
    assert min(traffic.faults["killed"], traffic.faults["cut"]) > 0


def test_old_days_are_counted_as_one_and_their_hours_go(workspace: Workspace) -> None:
    sequence = make_sequence(workspace, now=MORNING)
    travel = TimeTravel(MORNING)
    with ids.made_at(travel.clock):
        for name in ("ada", "bob"):
            enrollment_of(sequence, name, due_at=travel.now)
            travel.run_for(DAY)
            step_roll_ups.roll_up(now=travel.now)

    step_roll_ups.drop_hours(now=travel.now + 20 * DAY)
    touched_hours.touch([MORNING])
    step_roll_ups.roll_up(now=travel.now + 20 * DAY)

    assert rolled_up("day") == recounted()
    assert not SequenceCount.objects.filter(unit="hour").exists()


def test_what_is_counted_while_another_counts_is_dropped(workspace: Workspace) -> None:
    enrollment_of(make_sequence(workspace))
    mine = step_roll_ups._Turn(NOW, step_roll_ups._mark())
    step_roll_ups.roll_up(now=NOW)
    stored = SequenceCount.objects.count()

    with pytest.raises(step_roll_ups._Overtaken):
        mine.count_new(seconds=9)

    assert SequenceCount.objects.count() == stored > 0


def test_a_turn_ends_after_the_period_that_is_over_its_seconds(workspace: Workspace) -> None:
    sequence = make_sequence(workspace, now=MORNING)
    travel = TimeTravel(MORNING)
    with ids.made_at(travel.clock):
        for name in ("ada", "bob", "eve"):
            enrollment_of(sequence, name, due_at=travel.now + 90 * DAY)
            travel.run_for(HOUR)

    counted = [step_roll_ups.roll_up(now=travel.now, seconds=0) for _ in range(4)]

    assert counted == [1, 1, 1, 0]
    assert rolled_up() == recounted()


def test_after_a_long_turn_the_worker_pauses(workspace: Workspace) -> None:
    enrollment_of(make_sequence(workspace))
    assert step_roll_ups.take_turn(now=NOW) > 0
    mark = SequenceCountMark.objects.get()
    assert mark.due_at is not None
    assert NOW < mark.due_at < NOW + HOUR

    SequenceCountMark.objects.update(due_at=NOW + HOUR)

    assert step_roll_ups.take_turn(now=NOW + HOUR / 2) == 0
    step_roll_ups.take_turn(now=NOW + HOUR)
    assert SequenceCountMark.objects.get().due_at != NOW + HOUR


def test_a_report_that_comes_late_in_a_quiet_hour_is_counted(workspace: Workspace) -> None:
    with ids.made_at(lambda: MORNING):
        person = factories.SubscriberFactory.create(workspace=workspace)
        email = factories.OutgoingEmailFactory.create(
            subscriber=person, kind="confirmation", cause="confirmation:1:1", sent=True
        )
    step_roll_ups.roll_up(now=MORNING + HOUR * 5 / 6)

    with ids.made_at(lambda: MORNING + HOUR * 6 / 7):
        opened = Seen(
            email=email, kind=MailActivity.Kind.OPENED, at=MORNING + HOUR / 6, quality="human"
        )
        recording.record(seen=[opened])
    step_roll_ups.roll_up(now=MORNING + HOUR * 7 / 8)

    assert rolled_up() == recounted()
    assert "opened" in {key[3] for key in rolled_up()}
