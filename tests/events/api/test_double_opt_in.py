"""Double opt-in by event requests: who gets a confirmation, once, and what the answer says."""

import os
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from pytest_django.fixtures import Settings

from events.models import Enrollment, Event
from events.services.configuration import sync_rules
from events.services.configuration.sync_rules import RuleSpec
from subscribers.models import (
    ApiKey,
    Confirmation,
    ConsentRecord,
    ListMembership,
    OutgoingEmail,
    Subscriber,
    Workspace,
)
from subscribers.services.consent import unsubscribing
from subscribers.services.consent.unsubscribing import UnsubscribeMethod
from subscribers.services.workspaces import workspaces
from tests.conftest import new_caller
from tests.support import smtp_server
from tests.support.asking_people import confirm
from tests.support.calling import BULK, IMPORTS, SINGLE, Caller
from tests.support.sequence_making import MAIL, NOON, make_sequence
from tests.support.smtp_server import SmtpServer
from tests.support.time_travel import TimeTravel

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("both_ways")]
# 5,000 are the rule's.
SIGN_UPS = int(os.environ.get("HONEST_SIGN_UPS", "150"))
# 1,000 are the rule's.
ATTACKS = int(os.environ.get("SIGN_UP_ATTACKS", "200"))
DAY = timedelta(hours=24)
QUEUED = {"required": True, "emailQueued": True}
NOT_QUEUED = {"required": True, "emailQueued": False}


@pytest.fixture(autouse=True)
def clock() -> Iterator[Any]:
    """Stand still at noon."""
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture
def careful(db: None) -> Workspace:
    """A workspace that asks everybody to confirm."""
    return workspaces.create(
        name="Careful", double_opt_in=True, from_email="news@example.com", default_lists=["News"]
    )


@pytest.fixture
def caller(careful: Workspace) -> Caller:
    """An application of that workspace."""
    return new_caller(careful)


@pytest.fixture
def server(settings: Settings) -> Iterator[SmtpServer]:
    with smtp_server.receiving(settings) as server:
        yield server


def mails() -> list[str]:
    return [each.recipient for each in OutgoingEmail.objects.order_by("id")]


def person() -> Subscriber:
    return Subscriber.objects.get()


def test_fifty_events_of_somebody_new_send_exactly_one_mail(
    caller: Caller, server: SmtpServer
) -> None:
    sync_rules.replace_all(
        workspace=caller.workspace, specs=[RuleSpec(trigger_event="signup", add=["lead"])]
    )
    make_sequence(caller.workspace, {**MAIL, "subject": "Welcome"})
    travel = TimeTravel(NOON)

    reply = caller.bulk({"name": "signup"}, *[{"name": f"event {n}"} for n in range(49)])
    travel.run_for(timedelta(hours=1))
    before = list(server.taken)
    tags = [each.tag.name for each in person().tag_links.all()]
    lists_before = ListMembership.objects.count()
    confirm(person(), now=travel.now)
    travel.run_for(timedelta(seconds=3))

    assert reply.json["optIn"] == QUEUED
    assert Event.objects.count() == 50
    assert [each.recipient for each in before] == ["a@example.com"]
    assert b"Please confirm your address" in before[0].content
    assert tags == ["lead"]
    assert (lists_before, ListMembership.objects.count()) == (0, 1)
    assert [b"Subject: Welcome" in each.content for each in server.taken] == [False, True]
    assert [enrollment.status for enrollment in Enrollment.objects.all()] == ["completed"]


def test_the_ledger_names_the_first_live_event_the_key_and_the_request(caller: Caller) -> None:
    body = {
        "email": "a@example.com",
        "events": [
            {"name": "old", "occurredAt": (NOON - DAY).isoformat()},
            {"name": ""},
            {"name": "first"},
            {"name": "second"},
        ],
    }

    caller.post(BULK, body, headers={"X-Request-Id": "request-7"})

    line = ConsentRecord.objects.get()
    assert line.event_id == Event.objects.get(definition__name="first").pk
    assert line.request_id == "request-7"
    assert line.api_key == ApiKey.objects.get().prefix
    assert (line.ip, line.user_agent) == (None, "")
    assert Confirmation.objects.get().asked_by == ApiKey.objects.get()


def test_the_single_endpoint_asks_alike(caller: Caller) -> None:
    reply = caller.post(SINGLE, {"email": "a@example.com", "event": "signup"})

    assert reply.json["optIn"] == QUEUED
    assert mails() == ["a@example.com"]


def test_an_import_asks_each_new_person_once(caller: Caller) -> None:
    addresses = ["a@example.com", "b@example.com", "a@example.com", "old@example.com"]
    events = [
        {"name": "x", "eventId": str(number), "email": email}
        for number, email in enumerate(addresses)
    ]
    events[3]["occurredAt"] = (NOON - DAY).isoformat()

    reply = caller.post(IMPORTS, {"events": events})

    assert reply.json["success"]
    assert "optIn" not in reply.json
    assert mails() == ["a@example.com", "b@example.com"]
    assert set(ConsentRecord.objects.values_list("api_key", flat=True)) == {
        ApiKey.objects.get().prefix
    }


def test_history_alone_asks_nobody_and_says_so_once(caller: Caller) -> None:
    old = {"name": "old", "occurredAt": (NOON - DAY).isoformat()}

    first, second = caller.bulk(old), caller.bulk(old)

    assert first.json["optIn"] == {**NOT_QUEUED, "reason": "historical"}
    assert "optIn" not in second.json
    assert mails() == []
    question = Confirmation.objects.get()
    assert (question.mails, question.closed_at) == (0, None)


def test_one_live_event_among_history_asks(caller: Caller) -> None:
    old = {"name": "old", "occurredAt": (NOON - DAY).isoformat()}

    reply = caller.bulk(old, {"name": "live"}, old)

    assert reply.json["optIn"] == QUEUED


def test_a_later_live_event_of_somebody_pending_asks_again_within_the_limits(
    caller: Caller, clock: Any
) -> None:
    said = []
    for hours in (0, 1, 24, 25, 48, 72):
        clock.move_to(NOON + timedelta(hours=hours))
        said.append(caller.bulk({"name": "x"}).json["optIn"])

    early, later = [
        {**NOT_QUEUED, "reason": "asked_recently", "retryAfter": until}
        for until in ("2026-11-25T12:00:00Z", "2026-11-26T12:00:00Z")
    ]
    never = {**NOT_QUEUED, "reason": "asked_too_often"}
    assert said == [QUEUED, early, QUEUED, later, QUEUED, never]
    assert len(mails()) == 3
    assert Confirmation.objects.count() == 1


def test_the_first_live_event_after_history_asks_at_once(caller: Caller) -> None:
    caller.bulk({"name": "old", "occurredAt": (NOON - DAY).isoformat()})

    reply = caller.bulk({"name": "x"})

    assert reply.json["optIn"] == QUEUED


def test_a_repeated_event_asks_nobody(caller: Caller, clock: Any) -> None:
    caller.bulk({"name": "x", "eventId": "1"})
    clock.move_to(NOON + timedelta(hours=30))

    reply = caller.bulk({"name": "x", "eventId": "1"})

    assert reply.json["events"][0]["duplicate"]
    assert "optIn" not in reply.json
    assert len(mails()) == 1


def test_a_kept_answer_is_given_again_and_asks_nobody(caller: Caller, clock: Any) -> None:
    body = {"email": "a@example.com", "events": [{"name": "x"}]}
    first = caller.post(BULK, body, headers={"Idempotency-Key": "1"})
    clock.move_to(NOON + timedelta(hours=23))

    again = caller.post(BULK, body, headers={"Idempotency-Key": "1"})

    assert first.json["optIn"] == again.json["optIn"] == QUEUED
    assert len(mails()) == 1


def test_a_dry_run_says_what_it_would_do_and_writes_nothing(caller: Caller) -> None:
    reply = caller.bulk({"name": "x"}, query="?dryRun=true")
    single = caller.post(f"{SINGLE}?dryRun=true", {"email": "a@example.com", "event": "x"})

    assert reply.json["optIn"] == single.json["optIn"] == QUEUED
    assert not OutgoingEmail.objects.exists()
    assert not ConsentRecord.objects.exists()
    assert caller.bulk({"name": "x"}).json["optIn"] == QUEUED


def test_when_every_event_fails_nobody_is_created_or_asked(caller: Caller) -> None:
    reply = caller.bulk({"name": ""})

    assert reply.status == 400
    assert not OutgoingEmail.objects.exists()
    assert not Confirmation.objects.exists()


def test_a_test_key_s_newcomer_gets_no_mail(careful: Workspace) -> None:
    caller = new_caller(careful)
    ApiKey.objects.update(is_test=True)

    reply = caller.bulk({"name": "x"})

    mail = OutgoingEmail.objects.get()
    assert reply.json["optIn"] == {**NOT_QUEUED, "reason": "test_key"}
    assert (mail.status, mail.reason) == ("skipped", "test_key")


def test_where_nobody_is_asked_the_answer_says_nothing_of_it(db: None) -> None:
    caller = new_caller(workspaces.create(name="Open"))

    for reply in (
        caller.bulk({"name": "x"}),
        caller.post(SINGLE, {"email": "b@example.com", "event": "x"}),
    ):
        assert "optIn" not in reply.json
    assert not Confirmation.objects.exists()


def test_repeating_the_sign_up_of_somebody_confirmed_changes_nothing(
    caller: Caller, clock: Any
) -> None:
    caller.bulk({"name": "signup"})
    confirm(person())
    clock.move_to(NOON + 10 * DAY)

    reply = caller.bulk({"name": "signup"})

    assert "optIn" not in reply.json
    assert person().status == "active"
    assert len(mails()) == 1
    assert ConsentRecord.objects.count() == 2


def test_to_somebody_who_left_nothing_is_sent_and_they_stay_away(
    caller: Caller, clock: Any
) -> None:
    caller.bulk({"name": "signup"})
    confirm(person())
    unsubscribing.leave(subscriber_ids=[person().pk], now=NOON, method=UnsubscribeMethod.PAGE)
    clock.move_to(NOON + 10 * DAY)

    reply = caller.bulk({"name": "signup"})

    assert "optIn" not in reply.json
    assert person().status == "unsubscribed"
    assert len(mails()) == 1


def test_one_victim_gets_three_mails_at_most_whatever_is_sent(
    caller: Caller, server: SmtpServer, clock: Any
) -> None:
    travel = TimeTravel(NOON)

    for number in range(ATTACKS):
        clock.move_to(NOON + number * timedelta(hours=1))
        address = "victim@gmail.com" if number % 3 else f"v.ictim+{number}@googlemail.com"
        caller.bulk({"name": "signup"}, email=address)
        travel.run_until(NOON + number * timedelta(hours=1))
    travel.run_for(30 * DAY)

    assert Subscriber.objects.count() > 60
    assert len(server.taken) == 3


def test_honest_sign_ups_at_one_free_mail_domain_are_none_refused(caller: Caller) -> None:
    said = [
        caller.bulk({"name": "signup"}, email=f"person{number}@gmail.com").json["optIn"]
        for number in range(SIGN_UPS)
    ]

    assert said == [QUEUED] * SIGN_UPS
    assert OutgoingEmail.objects.filter(status="queued", due_at=NOON).count() == SIGN_UPS


def test_the_mails_of_many_sign_ups_leave_in_the_same_hour(
    caller: Caller, server: SmtpServer, settings: Settings
) -> None:
    settings.CONFIRMATIONS_PER_DOMAIN = 5
    for number in range(25):
        caller.bulk({"name": "signup"}, email=f"person{number}@gmail.com")

    TimeTravel(NOON).run_for(timedelta(minutes=1))

    assert len(set(server.recipients)) == 25
