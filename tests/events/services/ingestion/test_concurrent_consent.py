"""Sign-ups, confirmations and events at once, with real threads on PostgreSQL."""

import os
from datetime import UTC, datetime

import pytest

from events.models import Enrollment
from subscribers.models import (
    AskedAddress,
    Confirmation,
    ConsentRecord,
    ListMembership,
    OutgoingEmail,
    Subscriber,
)
from subscribers.services.consent import breakers, confirmations
from subscribers.services.consent.ledger import NOTHING_KNOWN
from subscribers.services.workspaces import workspaces
from tests.conftest import new_caller
from tests.events.services.ingestion.test_concurrent_requests import THREADS, at_once
from tests.support.asking_people import question_of
from tests.support.calling import Caller, Reply
from tests.support.sequence_making import make_sequence

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]
# 200 are the rule's.
ROUNDS = int(os.environ.get("CONFIRM_ROUNDS", "40"))


@pytest.fixture
def caller() -> Caller:
    """An application of a workspace that asks everybody to confirm."""
    return new_caller(
        workspaces.create(
            name="Careful",
            double_opt_in=True,
            from_email="news@example.com",
            default_lists=["News"],
        )
    )


def queued(replies: list[Reply]) -> int:
    return [reply.json["optIn"]["emailQueued"] for reply in replies].count(True)


def test_32_requests_that_create_the_same_person_send_one_mail(caller: Caller) -> None:
    replies = at_once(lambda number: caller.bulk({"name": f"name {number % 5}"}))

    assert {reply.status for reply in replies} == {200}
    assert queued(replies) == 1
    assert OutgoingEmail.objects.count() == 1
    assert Confirmation.objects.get().mails == 1
    assert ConsentRecord.objects.count() == 1


def test_32_requests_for_plus_addresses_of_one_mailbox_send_one_mail(caller: Caller) -> None:
    replies = at_once(
        lambda number: caller.bulk({"name": "x"}, email=f"victim+{number}@example.com")
    )

    assert {reply.status for reply in replies} == {200}
    assert queued(replies) == 1
    assert Subscriber.objects.count() == THREADS
    assert OutgoingEmail.objects.count() == 1
    assert AskedAddress.objects.get().mails == 1


def test_confirming_while_an_event_arrives_leaves_no_enrollment_waiting(caller: Caller) -> None:
    make_sequence(caller.workspace, {"type": "delay", "days": 1}, eventName="signup")
    make_sequence(caller.workspace, {"type": "delay", "days": 1}, eventName="bought")

    for number in range(ROUNDS):
        email = f"person{number}@example.com"
        caller.bulk({"name": "signup"}, email=email)
        person = Subscriber.objects.get(email=email)
        question = question_of(person)

        def act(place: int, question: Confirmation = question, email: str = email) -> Reply:
            if place % 2:
                return caller.bulk({"name": "bought"}, email=email)
            is_news = confirmations.confirm(
                confirmation=question,
                method="button",
                circumstances=NOTHING_KNOWN,
                now=datetime.now(tz=UTC),
            )
            return Reply(200, is_news, {})

        replies = at_once(act, threads=4)
        assert {reply.status for reply in replies} == {200}
        assert [reply.json for reply in replies].count(True) == 1

    assert set(Subscriber.objects.values_list("status", flat=True)) == {"active"}
    assert set(Enrollment.objects.values_list("status", flat=True)) == {"active"}
    assert Enrollment.objects.count() == 2 * ROUNDS
    assert ListMembership.objects.count() == ROUNDS
    assert ConsentRecord.objects.filter(kind="confirmed").count() == ROUNDS


def test_breakers_admit_exactly_the_limit_however_many_ask_at_once(
    db: None, settings: object
) -> None:
    settings.CONFIRMATIONS_PER_DOMAIN = 10  # type: ignore[attr-defined]  # pytest-django's wrapper
    now = datetime(2026, 11, 24, 12, tzinfo=UTC)

    def admit(number: int) -> Reply:
        until = breakers.admit(email_key=f"p{number}@example.com", key_prefix="ck_1", now=now)
        return Reply(200, until, {})

    said = [reply.json for reply in at_once(admit)]

    later = [until for until in said if until is not None]
    assert said.count(None) == 10
    assert len(set(later)) == len(later) == THREADS - 10
