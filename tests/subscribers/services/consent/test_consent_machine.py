"""Consent, in any order: asked, confirmed, left, suppressed, expired, merged, erased.

The model beside the product is small and knows none of its code: for each address what the person
decided last, and whether the address is suppressed.
"""

from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from events.intake.payloads import EventDraft
from events.services.enrollments import by_operator
from events.services.ingestion import ingest
from events.services.ingestion.request import IngestRequest, current_limits
from subscribers.models import Confirmation, OutgoingEmail, Subscriber, Suppression
from subscribers.services.consent import confirmations, deadlines, suppressions, unsubscribing
from subscribers.services.consent.ledger import NOTHING_KNOWN
from subscribers.services.consent.suppressions import SuppressionSource
from subscribers.services.consent.unsubscribing import UnsubscribeMethod
from subscribers.services.people import erasing, merging
from subscribers.services.workspaces import workspaces
from subscribers.wire import addresses
from subscribers.wire.payloads import Person
from tests.support import machines
from tests.support.machines import DatabaseMachine
from tests.support.sequence_making import MAIL, make_sequence

pytestmark = pytest.mark.django_db

ADDRESSES = ["ada@example.com", "bob@example.com"]
NAMES = st.sampled_from(ADDRESSES)
Reason = Suppression.Reason
GRAVITY = [Reason.ERASED, Reason.MANUAL, Reason.HARD_BOUNCE, Reason.COMPLAINT]
MOST_QUESTIONS = 3


@dataclass
class Model:
    """One person; None in the machine where nobody has the address."""

    status: str = "pending"
    # They asked to leave, whatever became of the address since.
    has_left: bool = False
    # They answered a question at least once, or were never asked one.
    has_answered: bool = False
    is_asked: bool = True


@dataclass
class Counted:
    """What an address got since its owner last answered."""

    questions: int = 0
    suppressed: Reason | None = None
    message_ids: set[str] = field(default_factory=set)


class ConsentMachine(DatabaseMachine):
    def __init__(self) -> None:
        super().__init__()
        self.people: dict[str, Model | None] = dict.fromkeys(ADDRESSES)
        self.counted = {address: Counted() for address in ADDRESSES}
        self.ledger: dict[object, tuple[object, ...]] = {}

    @initialize()
    def open(self) -> None:
        self.workspace = workspaces.create(
            name="Careful", double_opt_in=True, from_email="news@example.com", default_lists=["All"]
        )
        self.workspace.reminder_hours, self.workspace.give_up_days = 24, 7
        self.workspace.save()
        self.sequence = make_sequence(self.workspace, MAIL, activeSubscribersOnly=False)
        for address in ADDRESSES:
            self.sign_up(address)
        self.confirm_by_hand(ADDRESSES[0])

    # --- What people and operators do ---------------------------------------------------------

    @rule(address=NAMES)
    def sign_up(self, address: str) -> None:
        """An application reports somebody, known or new, and may ask them so."""
        now = self.travel.now
        event = EventDraft(
            name="signup", properties={}, occurred_at=now, event_id=None, is_historical=False
        )
        ingest.record(
            IngestRequest(
                workspace=self.workspace,
                person=Person(email=addresses.parse(address), external_id=None, attributes={}),
                events=[event],
                limits=current_limits(),
                now=now,
            )
        )
        if self.people[address] is None:
            self.people[address] = Model()

    @rule(address=NAMES)
    def ask(self, address: str) -> None:
        if person := self.stored(address):
            asked = confirmations.ask_by_id(
                subscriber_id=person.pk, circumstances=NOTHING_KNOWN, now=self.travel.now
            )
            model = self.model(address)
            model.is_asked |= asked.is_queued
            if asked.is_queued:
                assert model.status in {"pending", "unsubscribed"}
                assert self.counted[address].suppressed is None

    @rule(address=NAMES, is_first=st.booleans())
    def confirm(self, address: str, is_first: bool) -> None:
        """Somebody answers the latest question, or the first, which may be closed."""
        questions = Confirmation.objects.filter(subscriber__email_key=address)
        question = questions.order_by("id" if is_first else "-id").first()
        if question is None:
            return
        was_open = question.closed_at is None
        confirmed = confirmations.confirm(
            confirmation=question, method="button", circumstances=NOTHING_KNOWN, now=self.travel.now
        )
        assert confirmed == was_open
        if confirmed:
            self.answered(address)

    @rule(address=NAMES)
    def confirm_by_hand(self, address: str) -> None:
        if person := self.stored(address):
            is_pending = self.model(address).status == "pending"
            confirmed = confirmations.confirm_by_hand(
                subscriber_id=person.pk, reason="said so", circumstances=NOTHING_KNOWN,
                now=self.travel.now,
            )  # fmt: skip
            assert confirmed == is_pending
            if confirmed:
                self.answered(address)

    @rule(address=NAMES)
    def leave(self, address: str) -> None:
        if person := self.stored(address):
            token = unsubscribing.link_token(person)
            unsubscribing.leave_by_link(
                token=token, now=self.travel.now, method=UnsubscribeMethod.ONE_CLICK
            )
            model = self.model(address)
            model.has_left = True
            if model.status in {"pending", "active"}:
                model.status = "unsubscribed"
            # The last decision counts: an earlier link must not bring them back.
            assert not self.has_open_question(address)

    @rule(address=NAMES, reason=st.sampled_from(GRAVITY[1:]))
    def suppress(self, address: str, reason: Reason) -> None:
        suppressions.suppress(
            workspace=self.workspace, address=address, reason=reason,
            source=SuppressionSource.ADMIN, now=self.travel.now,
        )  # fmt: skip
        self.suppressed(address, reason)
        assert not self.has_open_question(address)

    @rule(address=NAMES)
    def lift(self, address: str) -> None:
        lifted = suppressions.lift(
            workspace=self.workspace, address=address, reason="a mistake",
            source=SuppressionSource.ADMIN, now=self.travel.now,
        )  # fmt: skip
        counted, person = self.counted[address], self.people[address]
        assert (lifted is not None) == (counted.suppressed is not None)
        if lifted and person:
            if person.status == "complained":
                person.status, person.has_left = "unsubscribed", True
            elif person.status == "bounced":
                never = person.is_asked and not person.has_answered
                back = "pending" if never else "active"
                person.status = "unsubscribed" if person.has_left else back
        counted.suppressed = None

    @rule(kept=NAMES)
    def merge(self, kept: str) -> None:
        """The person of the other address becomes this one; the stricter decision holds."""
        gone = next(each for each in ADDRESSES if each != kept)
        rows = self.stored(kept), self.stored(gone)
        if rows[0] is None or rows[1] is None:
            return
        merging.merge(
            kept_id=rows[0].pk, gone_id=rows[1].pk, attributes_bytes=10_000,
            circumstances=NOTHING_KNOWN, now=self.travel.now,
        )  # fmt: skip
        one, other = self.model(kept), self.model(gone)
        one.has_left = one.has_left or other.has_left
        if "complained" in {one.status, other.status}:
            one.status = "complained"
            self.suppressed(kept, Reason.COMPLAINT)
        elif one.has_left and one.status in {"pending", "active"}:
            one.status = "unsubscribed"
        self.people[gone] = None
        # Its lines name the kept person now.
        self.ledger = {}

    @rule(address=NAMES)
    def erase(self, address: str) -> None:
        if person := self.stored(address):
            erasing.erase(subscriber_id=person.pk, circumstances=NOTHING_KNOWN, now=self.travel.now)
            self.people[address] = None
            counted = self.counted[address]
            counted.suppressed = counted.suppressed or Reason.ERASED
            self.ledger = {}

    @rule(address=NAMES, works=st.booleans())
    def enroll(self, address: str, works: bool) -> None:
        """An operator enters anybody, whatever they decided: the mail must be stopped later."""
        if person := self.stored(address):
            by_operator.enroll(
                sequence=self.sequence, subscribers=[person], now=self.travel.now,
                is_for_active_only=False,
            )  # fmt: skip
            if works:
                self.send()

    # --- What the worker does -----------------------------------------------------------------

    @rule()
    def send(self) -> None:
        for message in self.work():
            (address,) = message.to
            person, counted = self.model(address), self.counted[address]
            assert counted.suppressed is None, "mail to a suppressed address"
            message_id = str(message.extra_headers["Message-ID"])
            assert message_id not in counted.message_ids, "a mail twice"
            counted.message_ids.add(message_id)
            if message.subject == MAIL["subject"]:
                assert person.status == "active", f"news to somebody {person.status}"
            else:
                counted.questions += 1
                assert person.status in {"pending", "unsubscribed"}
                assert counted.questions <= MOST_QUESTIONS

    @rule(hours=st.sampled_from(machines.HOURS))
    def wait(self, hours: int) -> None:
        """Time passes, without a worker."""
        self.travel.now += timedelta(hours=hours)

    @rule()
    def keep_deadlines(self) -> None:
        deadlines.remind_due(now=self.travel.now)
        deadlines.give_up_due(now=self.travel.now)

    # --- What always holds --------------------------------------------------------------------

    @precondition(lambda self: hasattr(self, "workspace"))
    @invariant()
    def people_stand_as_they_decided(self) -> None:
        stored = Subscriber.objects.filter(workspace=self.workspace)
        found = dict(stored.values_list("email_key", "status"))
        expected = {key: model.status for key, model in self.people.items() if model}
        assert found == expected
        assert {
            address
            for address in ADDRESSES
            if suppressions.is_suppressed(workspace=self.workspace, email_key=address)
        } == {address for address, each in self.counted.items() if each.suppressed}

    @precondition(lambda self: hasattr(self, "workspace"))
    @invariant()
    def one_question_is_open_at_most_and_only_where_it_may_be_answered(self) -> None:
        opened = Confirmation.objects.filter(closed_at=None)
        statuses = list(opened.values_list("subscriber__status", flat=True))
        owners = set(opened.values_list("subscriber", flat=True))
        assert len(owners) == len(statuses)
        assert set(statuses) <= {"pending", "unsubscribed"}

    @invariant()
    def the_ledger_is_only_added_to(self) -> None:
        found = machines.ledger()
        assert found.items() >= self.ledger.items()
        self.ledger = found

    @invariant()
    def no_cause_has_two_mails(self) -> None:
        causes = list(OutgoingEmail.objects.values_list("cause", flat=True))
        assert len(causes) == len(set(causes))

    # --- The model ----------------------------------------------------------------------------

    def stored(self, address: str) -> Subscriber | None:
        rows = Subscriber.objects.select_related("workspace")
        return rows.filter(workspace__name="Careful", email_key=address).first()

    def has_open_question(self, address: str) -> bool:
        return Confirmation.objects.filter(subscriber__email_key=address, closed_at=None).exists()

    def model(self, address: str) -> Model:
        model = self.people[address]
        assert model is not None, f"nobody has {address}"
        return model

    def answered(self, address: str) -> None:
        model = self.model(address)
        model.status, model.has_left, model.has_answered = "active", False, True
        self.counted[address].questions = 0

    def suppressed(self, address: str, reason: Reason) -> None:
        counted, person = self.counted[address], self.people[address]
        earlier = counted.suppressed or Reason.ERASED
        counted.suppressed = max(earlier, reason, key=GRAVITY.index)
        status = {Reason.HARD_BOUNCE: "bounced", Reason.COMPLAINT: "complained"}.get(
            counted.suppressed
        )
        if person and status and person.status != "complained":
            person.status = status


def test_consent_holds_in_any_order(db: None) -> None:
    machines.run(ConsentMachine)
