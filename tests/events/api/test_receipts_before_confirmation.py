"""A sequence of transactional mail runs before its person has confirmed; all other mail waits."""

from datetime import timedelta

import pytest
import time_machine
from django.core import mail

from events.language.specs import parse_sequence
from events.models import Enrollment
from events.services.sequences import sequences
from events.services.simulation import simulate
from subscribers.models import Subscriber, Suppression, Workspace
from subscribers.services.consent import suppressions, unsubscribing
from subscribers.services.workspaces import workspaces
from subscribers.wire import addresses
from subscribers.wire.payloads import InvalidRequest
from tests.conftest import new_caller
from tests.support.sequence_making import MAIL, NOON, make_sequence
from tests.support.time_travel import TimeTravel

pytestmark = pytest.mark.django_db
RECEIPT = {**MAIL, "subject": "Receipt", "isTransactional": True}
BUYER = "buyer@example.com"


@pytest.fixture
def workspace() -> Workspace:
    made = workspaces.create(name="Careful", double_opt_in=True, from_email="news@example.com")
    Workspace.objects.filter(pk=made.pk).update(postal_address="1 Street")
    return made


def buy(workspace: Workspace) -> Subscriber:
    with time_machine.travel(NOON, tick=False):
        assert new_caller(workspace).bulk({"name": "signup"}, email=BUYER).status == 200
    return Subscriber.objects.get(email=BUYER)


def receipts() -> int:
    return sum(each.subject == "Receipt" for each in mail.outbox)


def test_a_receipt_leaves_before_the_confirmation_and_marketing_mail_does_not(
    workspace: Workspace,
) -> None:
    make_sequence(workspace, RECEIPT, {"type": "delay", "days": 1}, RECEIPT, runsWhilePending=True)
    held = make_sequence(workspace, RECEIPT, MAIL)
    person = buy(workspace)

    TimeTravel(NOON).run_for(timedelta(days=2))

    person.refresh_from_db()
    assert (person.status, receipts()) == ("pending", 2)
    assert Enrollment.objects.get(sequence=held).status == "waiting_confirmation"


def test_nobody_gets_a_receipt_whose_address_is_suppressed(workspace: Workspace) -> None:
    make_sequence(workspace, {"type": "delay", "hours": 1}, RECEIPT, runsWhilePending=True)
    buy(workspace)
    suppressions.suppress(
        workspace=workspace,
        address=BUYER,
        reason=Suppression.Reason.MANUAL,
        source="test",
        now=NOON,
    )

    TimeTravel(NOON).run_for(timedelta(days=2))

    assert receipts() == 0


def test_who_leaves_before_confirming_still_gets_the_receipt(workspace: Workspace) -> None:
    make_sequence(workspace, {"type": "delay", "hours": 1}, RECEIPT, runsWhilePending=True)
    person = buy(workspace)
    unsubscribing.leave(subscriber_ids=[person.pk], now=NOON, method="page")

    TimeTravel(NOON).run_for(timedelta(days=2))

    assert receipts() == 1


def test_marketing_mail_is_refused_by_its_place() -> None:
    raw = {"name": "A", "runsWhilePending": True, "steps": [RECEIPT, MAIL]}

    with pytest.raises(InvalidRequest) as caught:
        parse_sequence(raw)

    (fault,) = caught.value.faults
    assert fault.path == "runsWhilePending"
    assert "steps[1]" in fault.message


def test_a_simulation_does_not_wait_for_the_confirmation(workspace: Workspace) -> None:
    sequence = make_sequence(workspace, RECEIPT, runsWhilePending=True)

    found = simulate(sequence=sequence, address=addresses.parse(BUYER), now=NOON)

    assert [visit.outcome for visit in found.path.visits] == [{"email": "sent"}]
    assert not any("confirm" in note for note in found.notes)
    assert sequences.spec_of(sequence).runs_while_pending
