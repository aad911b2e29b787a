"""`resubscribe: true`: somebody who left is asked to confirm again, and only they come back."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from pytest_django.fixtures import Settings

from subscribers.models import ConsentRecord, OutgoingEmail, Subscriber
from subscribers.services.consent import suppressions, unsubscribing
from subscribers.services.consent.suppressions import SuppressionSource
from subscribers.services.consent.unsubscribing import UnsubscribeMethod
from subscribers.services.workspaces import workspaces
from tests.conftest import new_caller
from tests.support.asking_people import confirm
from tests.support.calling import BULK, IMPORTS, SINGLE, Caller, Reply
from tests.support.sequence_making import NOON

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("both_ways")]
DAY = timedelta(hours=24)
QUEUED = {"required": True, "emailQueued": True}
NOT_QUEUED = {"required": True, "emailQueued": False}


@pytest.fixture(autouse=True)
def clock() -> Iterator[Any]:
    with time_machine.travel(NOON, tick=False) as traveller:
        yield traveller


@pytest.fixture(params=[True, False], ids=["double opt-in", "open"])
def caller(request: pytest.FixtureRequest, db: None) -> Caller:
    """An application of a workspace, with a person who left on the first day."""
    workspace = workspaces.create(
        name="Acme", double_opt_in=request.param, from_email="news@example.com"
    )
    caller = new_caller(workspace)
    caller.bulk({"name": "signup"})
    if request.param:
        confirm(person())
    unsubscribing.leave(subscriber_ids=[person().pk], now=NOON, method=UnsubscribeMethod.PAGE)
    OutgoingEmail.objects.all().delete()
    return caller


def person() -> Subscriber:
    return Subscriber.objects.get()


def come_back(caller: Caller, *events: object, wish: object = True) -> Reply:
    return caller.bulk(*(events or [{"name": "signup"}]), email="a@example.com", resubscribe=wish)


def test_they_are_asked_and_stay_away_until_they_confirm(caller: Caller) -> None:
    reply = come_back(caller)
    before = person().status
    confirm(person())

    assert reply.json["optIn"] == QUEUED
    assert "warnings" not in reply.json
    assert (before, person().status, person().unsubscribed_at) == ("unsubscribed", "active", None)
    assert [each.recipient for each in OutgoingEmail.objects.all()] == ["a@example.com"]
    kinds = ConsentRecord.objects.order_by("id").values_list("kind", flat=True)
    assert list(kinds)[-2:] == ["asked", "resubscribed"]


def test_the_single_event_and_imports_ask_alike(caller: Caller, clock: Any) -> None:
    single = {"email": "a@example.com", "event": "signup", "resubscribe": True}
    event = {"email": "a@example.com", "name": "signup", "resubscribe": True}

    first = caller.post(SINGLE, single)
    refused = caller.post(IMPORTS, {"events": [{**event, "eventId": "1"}]})
    clock.move_to(NOON + DAY)
    asked = caller.post(IMPORTS, {"events": [{**event, "eventId": "2"}]})

    assert first.json["optIn"] == QUEUED
    assert refused.json["warnings"] == [
        {
            "path": "events[0].resubscribe",
            "message": "No confirmation mail leaves now: asked_recently.",
        }
    ]
    assert "warnings" not in asked.json
    assert OutgoingEmail.objects.count() == 2


def test_the_limits_hold_and_the_answer_says_why_and_until_when(caller: Caller, clock: Any) -> None:
    said = []
    for days in (0, 0.5, 1, 2, 3, 40):
        clock.move_to(NOON + days * DAY)
        said.append(come_back(caller).json["optIn"])

    never = {**NOT_QUEUED, "reason": "asked_too_often"}
    assert said == [
        QUEUED,
        {**NOT_QUEUED, "reason": "asked_recently", "retryAfter": "2026-11-25T12:00:00Z"},
        QUEUED,
        QUEUED,
        never,
        never,
    ]
    assert person().status == "unsubscribed"
    assert OutgoingEmail.objects.count() == 3


@pytest.mark.parametrize("wish", [False, None])
def test_without_the_wish_nothing_is_sent(caller: Caller, wish: object) -> None:
    reply = come_back(caller, wish=wish)

    assert "optIn" not in reply.json
    assert [each["path"] for each in reply.json["warnings"]] == ["resubscribe"]
    assert not OutgoingEmail.objects.exists()


def test_a_wish_that_is_no_boolean_is_refused_by_name(caller: Caller) -> None:
    reply = come_back(caller, wish="yes")

    assert reply.status == 400
    assert reply.message == "resubscribe must be true or false, not a string."


@pytest.mark.parametrize("status", ["complained", "bounced"])
def test_who_complained_or_bounced_stays_suppressed(caller: Caller, status: str) -> None:
    Subscriber.objects.update(status=status)

    reply = come_back(caller)

    assert reply.json["optIn"] == {**NOT_QUEUED, "reason": "suppressed"}
    assert person().status == status
    assert not OutgoingEmail.objects.exists()


def test_a_suppressed_address_is_not_asked(caller: Caller) -> None:
    suppressions.suppress(
        workspace=caller.workspace,
        address="a@example.com",
        reason=suppressions.Reason.MANUAL,
        source=SuppressionSource.ADMIN,
        now=NOON,
    )

    assert come_back(caller).json["optIn"] == {**NOT_QUEUED, "reason": "suppressed"}


def test_history_alone_asks_nobody_and_says_so(caller: Caller) -> None:
    reply = come_back(caller, {"name": "old", "occurredAt": "2026-01-01T00:00:00Z"})

    assert reply.json["optIn"] == {**NOT_QUEUED, "reason": "historical"}
    assert not OutgoingEmail.objects.exists()


def test_a_repeated_event_asks_nobody(caller: Caller, clock: Any) -> None:
    event = {"name": "signup", "eventId": "1"}
    come_back(caller, event)
    clock.move_to(NOON + 2 * DAY)

    assert "optIn" not in come_back(caller, event).json
    assert OutgoingEmail.objects.count() == 1


def test_an_active_or_new_person_notices_nothing(caller: Caller) -> None:
    Subscriber.objects.update(status="active", unsubscribed_at=None)

    known = come_back(caller)
    new = caller.bulk({"name": "signup"}, email="new@example.com", resubscribe=True)

    assert "optIn" not in known.json
    assert ("optIn" in new.json) is caller.workspace.double_opt_in
    assert Subscriber.objects.get(email="a@example.com").status == "active"


def test_paused_mail_is_queued_and_the_answer_says_that_it_waits(
    caller: Caller, settings: Settings
) -> None:
    settings.MAIL_PAUSED = True

    reply = come_back(caller)

    assert reply.json["optIn"] == {**QUEUED, "reason": "mail_paused"}
    assert OutgoingEmail.objects.get().status == "queued"


def test_a_dry_run_says_what_it_would_do(caller: Caller) -> None:
    body = {"email": "a@example.com", "resubscribe": True, "events": [{"name": "signup"}]}

    reply = caller.post(f"{BULK}?dryRun=true", body)

    assert reply.json["optIn"] == QUEUED
    assert not OutgoingEmail.objects.exists()
