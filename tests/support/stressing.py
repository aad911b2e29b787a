"""What everybody does at once in the stress, to fifty people: applications, hands and editors.

Every act is one that the product offers. What it refuses lawfully, such as pausing an enrollment
that has just ended, is counted and left.
"""

import random
import time
import uuid
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import msgspec
from django.db import connection, transaction
from django.test import Client

from config.admin_base import admin_url
from events.language.specs import SequenceSpec
from events.models import Enrollment, Sequence, SyncRule
from events.services.enrollments import by_operator
from events.services.sequences import sequences
from subscribers import reactions
from subscribers.models import Subscriber, Workspace
from subscribers.services.audience import tags
from subscribers.services.consent import unsubscribing
from subscribers.services.workspaces import api_keys
from tests import factories
from tests.events.admin.test_pages import rule_fields
from tests.support.running import Application
from tests.support.sequence_making import make_sequence
from tests.support.stress_sequences import SEQUENCES

PEOPLE = 50
PENDING = 10
NAMES = [
    "view", "view", "buy", "ask", "leave", "signup", "signup", "purchased", "cancelled", "order",
]  # fmt: skip
TAGS_BY_HAND = ["vip", "vip", "goodbye"]
LONGEST_REST = 0.1
REFUSALS = (
    by_operator.EnrollmentEnded,
    by_operator.NotFailed,
    by_operator.NotWaitingForTime,
    by_operator.AlreadyEnrolled,
    sequences.NotActive,
    sequences.NotReady,
)
Act = Callable[[random.Random], None]


@dataclass
class Stress:
    """The workspace that everybody works on, and what became of it."""

    port: int
    workspace: Workspace
    rules: list[SyncRule]
    editor: Client
    sent: list[str] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    acts: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        """Make the sequences, the people who have not confirmed, and the application's key."""
        self.key = api_keys.create(workspace=self.workspace, name="app").text
        tags.ensure(workspace=self.workspace, names=TAGS_BY_HAND)
        for raw in SEQUENCES:
            wire = {name: value for name, value in raw.items() if name != "steps"}
            make_sequence(self.workspace, *raw["steps"], now=now(), **wire)
        for number in range(PENDING):
            factories.SubscriberFactory.create(
                workspace=self.workspace, email=address_of(number), status="pending"
            )

    def acts_at_once(self) -> list[Act]:
        """Return what is done at the same time, each by a thread of its own."""
        hands = [
            self.hold_enrollments,
            self.hold_enrollments,
            self.change_people,
            self.change_people,
        ]
        editors = [self.switch_sequences, self.switch_sequences, self.tag_by_hand, self.enroll]
        return [self.edit_rules, self.change_keys, *hands, *editors, *[self.report] * 8]

    def repeat(self, act: Act, until: float) -> None:
        """Do something again and again until a moment of the monotonic clock."""
        choose = random.Random(uuid.uuid4().int)  # noqa: S311 - cases, no secrets
        try:
            while time.monotonic() < until:
                act(choose)
                self.acts[act.__name__] += 1
                if act != self.report:
                    time.sleep(choose.random() * LONGEST_REST)
        finally:
            connection.close()

    def report(self, choose: random.Random) -> None:
        """Send events of one person, now and then twice."""
        marks = [uuid.uuid4().hex for _ in range(choose.choice([1, 1, 3, 20]))]
        properties = {"order": {"id": choose.randrange(5)}}
        events = [
            {"name": choose.choice(NAMES), "eventId": mark, "properties": properties}
            for mark in marks
        ]
        application = Application(self.port, self.key)
        person = address_of(choose.randrange(PEOPLE))
        for _ in range(choose.choice([1, 1, 1, 2])):
            self.statuses[application.send(person, events)] += 1
        self.sent.extend(marks)

    def change_keys(self, choose: random.Random) -> None:
        """Make a key, use it and revoke it."""
        made = api_keys.create(workspace=self.workspace, name="brief")
        application = Application(self.port, made.text)
        person, mark = address_of(choose.randrange(PEOPLE)), uuid.uuid4().hex
        for _ in range(2):
            self.statuses[application.send(person, [{"name": "view", "eventId": mark}])] += 1
        self.sent.append(mark)
        api_keys.revoke(api_key=made.api_key, now=now())
        assert application.send(person, [{"name": "view"}]) == 401

    def edit_rules(self, choose: random.Random) -> None:
        """Change a rule in the admin."""
        chosen = SyncRule.objects.get(pk=choose.choice(self.rules).pk)
        event = chosen.trigger_event
        fields = rule_fields(self.workspace, trigger_event=event, add="", remove="")
        tag = choose.choice(["customer", "lead", "other"])
        change = {**fields, choose.choice(["add", "remove"]): tag}
        assert self.editor.post(admin_url(chosen), change).status_code == 302

    def hold_enrollments(self, choose: random.Random) -> None:
        """Pause, resume, cancel, retry or send on one of the latest runs."""
        latest = list(Enrollment.objects.order_by("-pk")[:50])
        if not latest:
            return
        enrollment = choose.choice(latest)
        acts: list[Callable[..., bool]] = [
            by_operator.pause, by_operator.pause, by_operator.resume, by_operator.resume,
            by_operator.cancel, by_operator.retry, by_operator.send_now,
        ]  # fmt: skip
        self._unless_refused(lambda: choose.choice(acts)(enrollment=enrollment, now=now()))

    def change_people(self, choose: random.Random) -> None:
        """Unsubscribe a few, let others come back, or let some confirm."""
        people = self._people(choose)
        act = choose.randrange(6)
        if act == 0:
            unsubscribing.leave(subscriber_ids=people, now=now(), method="page")
        elif act < 5:
            with transaction.atomic():
                locked = list(Subscriber.objects.filter(pk__in=people).locked())
                gone = [each.pk for each in locked if each.status == "unsubscribed"]
                Subscriber.objects.filter(pk__in=gone).update(status="active")
        else:
            confirm(people)

    def switch_sequences(self, choose: random.Random) -> None:
        """Edit a sequence, move its enrollments, switch it off, or put it away.

        Then switch it on.
        """
        sequence = choose.choice(list(Sequence.objects.all()))
        match choose.randrange(20):
            case 0 | 1 | 2:
                sequences.edit(sequence=sequence, spec=edited(sequence, choose), now=now())
            case 3 | 4 | 5:
                by_operator.move_enrollments(sequence=sequence, now=now())
            case 6 | 7:
                is_paused = choose.random() < 0.3
                sequences.set_enrollment_paused(sequence=sequence, is_paused=is_paused, now=now())
            case 8:
                sequences.archive(sequence=sequence, now=now())
                sequences.unarchive(sequence=sequence, now=now())
            case _:
                self._unless_refused(lambda: sequences.pause(sequence=sequence, now=now()))
                time.sleep(choose.random() / 2)
        spread = timedelta(seconds=choose.choice([0, 1]))
        self._unless_refused(
            lambda: sequences.activate(sequence=sequence, now=now(), spread=spread)
        )

    def tag_by_hand(self, choose: random.Random) -> None:
        """Put a tag on a few people, as an endpoint would."""
        tag = tags.ensure(workspace=self.workspace, names=[choose.choice(TAGS_BY_HAND)])
        (tag_id,) = (each.pk for each in tag.values())
        with transaction.atomic():
            locked = list(Subscriber.objects.filter(pk__in=self._people(choose)).locked())
            without = [each for each in locked if tag_id not in tags.names_of(each)]
            tags.change_many(subscribers=without, added=[tag_id], removed=[])
            ids = [each.pk for each in without]
            if ids:
                reactions.current().tags_added(subscriber_ids=ids, tag_ids=[tag_id], now=now())

    def enroll(self, choose: random.Random) -> None:
        """Put a few people into a sequence by hand."""
        sequence = choose.choice(list(Sequence.objects.all()))
        people = Subscriber.objects.filter(pk__in=self._people(choose))
        self._unless_refused(
            lambda: by_operator.enroll(sequence=sequence, subscribers=people, now=now())
        )

    def _unless_refused(self, act: Callable[[], object]) -> None:
        try:
            act()
        except REFUSALS as refusal:
            self.acts[f"refused: {type(refusal).__name__}"] += 1

    def _people(self, choose: random.Random) -> list[uuid.UUID]:
        everybody = list(Subscriber.objects.values_list("pk", flat=True))
        return choose.sample(everybody, min(len(everybody), choose.choice([1, 3, 10])))


def confirm(people: Collection[uuid.UUID]) -> None:
    """Let those of the people who are pending be active, as the link in their mail would."""
    with transaction.atomic():
        locked = list(Subscriber.objects.filter(pk__in=people).locked())
        pending = [each.pk for each in locked if each.status == Subscriber.Status.PENDING]
        if pending:
            Subscriber.objects.filter(pk__in=pending).update(status=Subscriber.Status.ACTIVE)
            reactions.current().confirmed(subscriber_ids=pending, now=now())


def edited(sequence: Sequence, choose: random.Random) -> SequenceSpec:
    """Return a sequence with another subject of its last mail, if it has one."""
    spec = sequences.spec_of(sequence)
    steps = [
        msgspec.structs.replace(step, subject=f"Hello {choose.randrange(9)}")
        if step.id == "last"
        else step
        for step in spec.steps
    ]
    return msgspec.structs.replace(spec, steps=tuple(steps))


def address_of(number: int) -> str:
    """Return one of the fifty addresses."""
    return f"p{number}@example.com"


def now() -> datetime:
    """Return the time: who acts by hand reads the clock."""
    return datetime.now(tz=UTC)
