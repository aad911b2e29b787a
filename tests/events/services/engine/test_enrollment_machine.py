"""An enrollment, in any order: entered, advanced, paused, stopped, failed, killed, tried again.

The model beside the product knows of each enrollment only what people did to it: whether it is
paused, and whether it was ended; and of each mail, that it left.
"""

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db.models.functions import Now
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule
from pytest_django.fixtures import Settings

from events.intake.payloads import EventDraft
from events.models import Enrollment, Sequence, StepRun
from events.services.engine import mail_breaker
from events.services.enrollments import by_operator
from events.services.ingestion import ingest
from events.services.ingestion.request import IngestRequest, current_limits
from events.services.sequences import sequences
from events.worker import rounds
from subscribers.models import OutgoingEmail, Subscriber
from subscribers.services.workspaces import workspaces
from subscribers.wire import addresses
from subscribers.wire.payloads import Person
from tests.support import machines, time_travel
from tests.support.machines import DatabaseMachine
from tests.support.moody_mail import Killed, Mood, MoodyBackend
from tests.support.sequence_making import MAIL, make_sequence

pytestmark = pytest.mark.django_db

ADDRESSES = ["ada@example.com", "bob@example.com"]
NAMES = st.sampled_from(ADDRESSES)
PLACES = st.integers(0, 5)
Status = Enrollment.Status
FINAL = {Status.COMPLETED, Status.STOPPED, Status.CANCELLED, Status.EXPIRED}
FIRST, SECOND = "First", "Second"
STEPS: list[dict[str, Any]] = [
    {"type": "delay", "hours": 2},
    {**MAIL, "subject": FIRST},
    {"type": "wait_for_event", "eventName": "bought", "timeout": 2, "onTimeout": "continue"},
    {"type": "update_tags", "add": ["through"]},
    {**MAIL, "subject": SECOND},
]


class EnrollmentMachine(DatabaseMachine):
    def __init__(self) -> None:
        super().__init__()
        MoodyBackend.mood = Mood.WELL
        mail_breaker.reset()
        self.paused: set[object] = set()
        self.ended: set[object] = set()
        # What must not change any more.
        self.final: dict[object, tuple[object, ...]] = {}
        self.history: dict[object, tuple[object, ...]] = {}
        # The mails that left, by the cause that is an enrollment's visit of a step.
        self.left: dict[str, str] = {}

    @initialize()
    def open(self) -> None:
        self.workspace = workspaces.create(name="Shop", from_email="news@example.com")
        stop = {"type": "event_received", "value": "refunded"}
        self.sequence = make_sequence(self.workspace, *STEPS, stopCondition=stop)
        for address in ADDRESSES:
            self.report(address, "signup")

    # --- What happens to people and what operators do ------------------------------------------

    @rule(address=NAMES, name=st.sampled_from(["signup", "bought", "refunded", "seen"]))
    def report(self, address: str, name: str) -> None:
        now = self.travel.now
        event = EventDraft(
            name=name, properties={}, occurred_at=now, event_id=None, is_historical=False
        )
        person = Person(email=addresses.parse(address), external_id=None, attributes={})
        ingest.record(
            IngestRequest(
                workspace=self.workspace,
                person=person,
                events=[event],
                limits=current_limits(),
                now=now,
            )
        )
        if name == "refunded":
            theirs = self.enrollments().filter(subscriber__email_key=address)
            self.ended |= {each.pk for each in theirs if each.status != Status.FAILED}

    @rule(address=NAMES)
    def enter(self, address: str) -> None:
        person = Subscriber.objects.filter(workspace=self.workspace, email_key=address)
        if self.sequence.status == Sequence.Status.ACTIVE:
            by_operator.enroll(
                sequence=self.sequence, subscribers=list(person), now=self.travel.now
            )

    @rule(place=PLACES)
    def pause(self, place: int) -> None:
        if row := self.one(place, is_under_way=True):
            by_operator.pause(enrollment=row, now=self.travel.now)
            self.paused.add(row.pk)

    @rule(place=PLACES)
    def resume(self, place: int) -> None:
        if row := self.one(place, is_under_way=True):
            by_operator.resume(enrollment=row, now=self.travel.now)
            self.paused.discard(row.pk)

    @rule(place=PLACES)
    def cancel(self, place: int) -> None:
        if row := self.one(place, is_under_way=True):
            by_operator.cancel(enrollment=row, now=self.travel.now)
            self.ended.add(row.pk)

    @rule(place=PLACES)
    def send_now(self, place: int) -> None:
        if row := self.one(place, is_under_way=True):
            try:
                by_operator.send_now(enrollment=row, now=self.travel.now)
            except by_operator.NotWaitingForTime:
                return

    @rule(place=PLACES)
    def retry(self, place: int) -> None:
        if row := self.one(place, is_under_way=False):
            try:
                by_operator.retry(enrollment=row, now=self.travel.now)
            except (by_operator.NotFailed, by_operator.AlreadyEnrolled):
                return
            assert row.pk not in self.final
            self.paused.discard(row.pk)

    @rule()
    def stop_sequence(self) -> None:
        sequences.pause(sequence=self.sequence, now=self.travel.now)
        self.sequence.refresh_from_db()

    @rule()
    def start_sequence(self) -> None:
        sequences.activate(sequence=self.sequence, now=self.travel.now)
        self.sequence.refresh_from_db()

    # --- What the worker does ------------------------------------------------------------------

    @rule(mood=st.sampled_from(Mood), hours=st.sampled_from((0, 3, 24 * 3)))
    def advance(self, mood: Mood, hours: int) -> None:
        """The worker goes on for a while; the mail server is in a mood, or the worker killed."""
        MoodyBackend.mood = mood
        # A server that is away is tried every five minutes, which takes its time here.
        until = self.travel.now + timedelta(hours=hours if mood is Mood.WELL else min(hours, 1))
        try:
            self.travel.run_until(until)
        except Killed:
            self.come_back()
        MoodyBackend.mood = Mood.WELL
        self.read_mails()

    def come_back(self) -> None:
        """The leases of the killed worker run out, and another returns its claims."""
        past = Now() - timedelta(seconds=1)
        for model in (Enrollment, OutgoingEmail):
            model.objects.filter(lease_expires_at__isnull=False).update(lease_expires_at=past)
        rounds.return_expired()

    def read_mails(self) -> None:
        is_running = self.sequence.status == Sequence.Status.ACTIVE
        for message in mail.outbox[self._mails_read :]:
            message_id = str(message.extra_headers["Message-ID"]).strip("<>").partition("@")[0]
            cause = OutgoingEmail.objects.get(message_id__contains=message_id).cause
            assert cause not in self.left, f"{message.subject} left twice"
            self.left[cause] = str(message.subject)
            enrollment = self.enrollments().get(pk=cause.split(":")[1])
            assert is_running, "mail of a sequence that is paused"
            assert enrollment.pk not in self.paused, "mail of a paused enrollment"
            assert enrollment.pk not in self.ended, "mail of an enrollment that was ended"
        self._mails_read = len(mail.outbox)

    # --- What always holds -----------------------------------------------------------------------

    @invariant()
    def nobody_is_in_it_twice(self) -> None:
        owners = list(
            Enrollment.objects.filter(status__in=Enrollment.UNDER_WAY).values_list(
                "sequence", "subscriber"
            )
        )
        assert len(owners) == len(set(owners))

    @invariant()
    def what_ended_stays_as_it_is(self) -> None:
        columns = ("pk", "status", "ended_at", "step", "visit")
        found = {
            row[0]: row[1:]
            for row in Enrollment.objects.filter(status__in=FINAL).values_list(*columns)
        }
        assert found.items() >= self.final.items()
        assert found.keys() >= self.ended
        self.final = found

    @invariant()
    def the_history_is_only_added_to(self) -> None:
        columns = ("pk", "enrollment", "step", "visit", "status", "ended_at")
        found = {row[0]: row[1:] for row in StepRun.objects.values_list(*columns)}
        assert found.items() >= self.history.items()
        self.history = found

    @invariant()
    def only_what_is_under_way_is_due_or_claimed(self) -> None:
        over = Enrollment.objects.exclude(status__in=Enrollment.UNDER_WAY)
        assert not over.filter(due_at__isnull=False).exists()
        assert not Enrollment.objects.filter(lease_token__isnull=False).exists()

    @invariant()
    def mails_say_what_became_of_them(self) -> None:
        sent = OutgoingEmail.objects.filter(status="sent").values_list("cause", flat=True)
        assert set(sent) <= self.left.keys()
        unsent = OutgoingEmail.objects.filter(cause__in=self.left).exclude(
            status__in=["sent", "unknown"]
        )
        assert not unsent.exists()

    def teardown(self) -> None:
        """In the end everything is allowed and time passes: all enrollments end, in order."""
        try:
            if hasattr(self, "sequence"):
                self.finish()
        finally:
            super().teardown()

    def finish(self) -> None:
        self.start_sequence()
        for row in self.enrollments().filter(status=Status.PAUSED):
            by_operator.resume(enrollment=row, now=self.travel.now)
        self.paused.clear()
        self.travel.run_for(timedelta(days=10))
        self.read_mails()
        self.mails_say_what_became_of_them()
        assert not self.enrollments().filter(status__in=Enrollment.UNDER_WAY).exists()
        for row in self.enrollments().filter(status=Status.COMPLETED):
            prefix = f"{Enrollment.MAIL_CAUSE_PREFIX}{row.pk.hex}:"
            causes = OutgoingEmail.objects.filter(cause__startswith=prefix).order_by("id")
            settled = [each.subject for each in causes if each.status in {"sent", "unknown"}]
            assert settled == [FIRST, SECOND]

    # --- Which enrollments there are --------------------------------------------------------

    def enrollments(self) -> Any:
        return Enrollment.objects.filter(sequence=self.sequence).order_by("id")

    def one(self, place: int, *, is_under_way: bool) -> Enrollment | None:
        rows = self.enrollments().select_related("subscriber")
        chosen = list(
            rows.filter(status__in=Enrollment.UNDER_WAY)
            if is_under_way
            else rows.exclude(status__in=Enrollment.UNDER_WAY)
        )
        return chosen[place % len(chosen)] if chosen else None


def test_an_enrollment_goes_its_way_in_any_order(
    db: None, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.EMAIL_BACKEND = "tests.support.moody_mail.MoodyBackend"
    monkeypatch.setattr(time_travel, "MOST_ROUNDS", 500)
    machines.run(EnrollmentMachine)
    mail_breaker.reset()
