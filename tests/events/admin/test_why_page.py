"""The page that says why a person is or is not in a sequence."""

from datetime import timedelta
from html import unescape
from re import sub
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from config.admin_base import admin_url, view_url
from events.models import Enrollment, Event, Sequence
from events.services.sequences import sequences
from subscribers.models import Subscriber, Workspace
from tests import factories
from tests.support.asking_pages import page_of, statements_of
from tests.support.calling import Caller
from tests.support.sequence_making import MAIL, NOON, make_sequence
from tests.support.time_travel import TimeTravel

ADA = "ada@example.com"
VIEW = "why"
IS_PRO = {"path": "plan", "operator": "equals", "value": "pro"}


@pytest.fixture
def ada(workspace: Workspace) -> Subscriber:
    return factories.SubscriberFactory.create(workspace=workspace, email=ADA)


def answer(client: Client, sequence: Sequence, **asked: str) -> str:
    """Return the answer's words, without markup."""
    page = page_of(client, sequence, VIEW, **{"person": ADA, **asked})
    start = page.index('id="answer"')
    return " ".join(unescape(sub(r"<[^>]+>", " ", page[start:])).split())


def report(caller: Caller, *, at: Any = NOON, **event: Any) -> None:
    with time_machine.travel(at, tick=False):
        assert caller.bulk({"name": "signup", **event}, email=ADA).status == 200


def test_an_event_that_never_came_is_said_first(admin_client: Client, ada: Subscriber) -> None:
    sequence = make_sequence(ada.workspace, MAIL)

    words = answer(admin_client, sequence)

    assert "No: The event signup never came from this person." in words
    assert "The person has never been in the sequence." in words
    assert "Yes: The sequence is active." in words


def test_a_filter_says_which_values_it_compared(
    admin_client: Client, ada: Subscriber, caller: Caller
) -> None:
    sequence = make_sequence(ada.workspace, MAIL, propertyFilters=[IS_PRO])
    report(caller, properties={"plan": "solo"})

    words = answer(admin_client, sequence)

    assert "did not start it: a filter of the trigger is not met (plan)." in words
    assert "No: Filter “plan is pro”: the event has plan = solo." in words
    assert "a filter of the trigger is not met at plan (filter_not_met)" in words


def test_every_rule_that_keeps_out_is_told_in_order(
    admin_client: Client, ada: Subscriber, caller: Caller
) -> None:
    sequence = make_sequence(
        ada.workspace,
        MAIL,
        propertyFilters=[IS_PRO, {"path": "seats", "operator": "greater_than", "value": 5}],
        enrollmentMode="one_time",
        activeSubscribersOnly=True,
    )
    report(caller, properties={"plan": "pro", "seats": 9})
    TimeTravel(NOON).run_for(timedelta(days=1))
    report(caller, at=NOON + timedelta(hours=1), properties={"seats": 2})
    sequences.pause(sequence=sequence, now=NOON, reason="")
    sequences.set_enrollment_paused(sequence=sequence, is_paused=True, now=NOON)
    Subscriber.objects.update(status="unsubscribed")

    words = answer(admin_client, sequence)

    places = [
        words.index(each)
        for each in (
            "No: The status of the sequence is paused",
            "No: Its entry is closed",
            "Yes: The event signup came",
            "No: Filter “plan is pro”: the event has nothing there.",
            "No: Filter “seats is greater than 5”: the event has seats = 2.",
            "No: It takes active people only: the person has unsubscribed.",
            "No: People enter once: the person was in it since",
            "No: Marketing mail is skipped: the person has unsubscribed.",
        )
    ]
    assert places == sorted(places)


def test_who_is_in_it_sees_where_and_what_comes_next(
    admin_client: Client, ada: Subscriber, caller: Caller
) -> None:
    sequence = make_sequence(ada.workspace, MAIL, {"type": "delay", "days": 3}, MAIL)
    report(caller)
    TimeTravel(NOON).run_for(timedelta(hours=1))

    words = answer(admin_client, sequence)

    assert "Yes: The person is in it" in words
    assert "It waits until" in words or "Its wait is over since" in words
    assert "handed over" in words
    assert "started it: the enrollment ." in words
    assert admin_url(Enrollment.objects.get()) in page_of(admin_client, sequence, VIEW, person=ADA)


def test_history_and_events_before_the_sequence_start_nothing(
    admin_client: Client, ada: Subscriber, caller: Caller
) -> None:
    report(caller)
    sequence = make_sequence(ada.workspace, MAIL, now=NOON + timedelta(days=1))
    Sequence.objects.update(created_at=NOON + timedelta(days=1))
    signup = Event.objects.get().definition
    factories.EventFactory.create(subscriber=ada, definition=signup, is_historical=True)

    words = answer(admin_client, sequence)

    assert "came before the sequence was made." in words
    assert "arrived as history, which starts nothing." in words


def test_a_failed_start_is_owed(admin_client: Client, ada: Subscriber) -> None:
    sequence = make_sequence(ada.workspace, MAIL)
    signup = factories.EventDefinitionFactory.create(workspace=ada.workspace, name="signup")
    factories.EventFactory.create(
        subscriber=ada,
        definition=signup,
        effects={"failedStages": [{"stage": "trigger-sequences", "error": "deadlock"}]},
    )

    assert "starting sequences failed; it is tried again." in answer(admin_client, sequence)


def test_a_day_narrows_the_events_by_the_workspaces_clock(
    admin_client: Client, ada: Subscriber, caller: Caller
) -> None:
    Workspace.objects.update(timezone="Asia/Tokyo")
    sequence = make_sequence(ada.workspace, MAIL)
    late = NOON.replace(hour=20)  # the next day in Tokyo
    report(caller, at=late)

    assert "started it" in answer(admin_client, sequence, day="2026-11-25")
    words = answer(admin_client, sequence, day="2026-11-24")
    assert "The event signup did not come on that day, but at others." in words
    assert "signup does not start" not in words
    assert "order.placed does not start it: signup does." in answer(
        admin_client, sequence, event="order.placed"
    )


def test_what_holds_mail_is_what_sending_decides(
    admin_client: Client, ada: Subscriber, caller: Caller, settings: Any
) -> None:
    settings.EMAIL_ALLOW = ["nobody@example.org"]
    another_day = f"{timezone.now() + timedelta(days=2):%A}".lower()
    listed = factories.ListFactory.create(workspace=ada.workspace, name="News")
    sequence = make_sequence(
        ada.workspace,
        MAIL,
        mailList=listed.name,
        sendingWindow={
            "enabled": True, "days": [another_day], "startTime": "09:00", "endTime": "09:01",
            "timezone": "UTC",
        },
    )  # fmt: skip
    factories.SuppressionFactory.create(workspace=ada.workspace)

    words = answer(admin_client, sequence)

    assert "the person is not on the list that the mail belongs to" in words
    assert "Mail is skipped: EMAIL_ALLOW does not name the address." in words
    assert "The sending window is closed: it opens" in words
    assert "Yes: The address is not suppressed." in words
    Workspace.objects.update(is_mail_paused=True)
    assert "Mail waits: mail is paused." in answer(admin_client, sequence)


@pytest.mark.parametrize(
    ("trigger", "words"),
    [
        ({"trigger": "tag_added", "tagNames": ["vip"]}, "the person has the tag already"),
        ({"trigger": "contact_added"}, "there is no list that the person could join for it"),
        ({"trigger": "manual"}, "Only an operator enrolls people in it."),
    ],
)
def test_other_ways_in_are_explained(
    admin_client: Client, ada: Subscriber, trigger: dict[str, Any], words: str
) -> None:
    sequence = make_sequence(ada.workspace, MAIL, **trigger)
    tag = factories.TagFactory.create(workspace=ada.workspace, name="vip-2")
    factories.SubscriberTagFactory.create(subscriber=ada, tag=tag)
    for each in ada.workspace.tags.all():
        if each.name == "vip":
            factories.SubscriberTagFactory.create(subscriber=ada, tag=each)

    assert words in answer(admin_client, sequence)


@pytest.mark.parametrize(
    ("asked", "fault"),
    [
        ({"person": "new@example.com"}, "There is nobody named new@example.com"),
        ({"person": ""}, "People are named by"),
        ({"day": "31.31.2026"}, "Enter a valid date"),
        ({"day": "0001-01-01"}, "The year must be 1900 to 2200."),
        ({"event": "nul\0"}, "Null characters are not allowed"),
    ],
)
def test_a_fault_is_told_at_its_field(
    admin_client: Client, ada: Subscriber, asked: dict[str, str], fault: str
) -> None:
    sequence = make_sequence(ada.workspace, MAIL)

    page = page_of(admin_client, sequence, VIEW, **{"person": ADA, **asked})

    assert fault in unescape(page)
    assert 'id="answer"' not in page


def test_who_may_not_see_people_gets_no_answer(client: Client, ada: Subscriber) -> None:
    sequence = make_sequence(ada.workspace, MAIL)
    user = User.objects.create(username="looks", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_sequence"))
    client.force_login(user)

    assert client.get(view_url(sequence, VIEW)).status_code == 403


def test_more_rows_take_no_more_statements(
    admin_client: Client, ada: Subscriber, caller: Caller
) -> None:
    sequence = make_sequence(ada.workspace, MAIL, {"type": "delay", "days": 3})
    report(caller)
    report(caller, at=NOON + timedelta(hours=1))
    TimeTravel(NOON).run_for(timedelta(days=4))
    report(caller, at=NOON + timedelta(days=5))
    TimeTravel(NOON).run_for(timedelta(days=9))
    page_of(admin_client, sequence, VIEW, person=ADA)
    before = statements_of(admin_client, sequence, VIEW, person=ADA)
    for day in range(3):
        report(caller, at=NOON + timedelta(days=10 + 5 * day))
        TimeTravel(NOON).run_for(timedelta(days=14 + 5 * day))

    assert Enrollment.objects.count() == 5
    assert statements_of(admin_client, sequence, VIEW, person=ADA) == before


def test_the_page_of_a_person_leads_to_the_answer(admin_client: Client, ada: Subscriber) -> None:
    sequence = make_sequence(ada.workspace, MAIL)
    other = make_sequence(factories.WorkspaceFactory.create(), MAIL)

    assert view_url(ada, VIEW) in admin_client.get(admin_url(ada)).content.decode()
    page = page_of(admin_client, ada, VIEW)

    address = f"{view_url(sequence, VIEW)}?person={ada.public_id}"
    assert address in page
    assert view_url(other, VIEW) not in page
    assert 'id="answer"' in admin_client.get(address).content.decode()


def test_the_choice_of_a_sequence_needs_the_right_to_see_them(
    client: Client, ada: Subscriber
) -> None:
    user = User.objects.create(username="looks", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename="view_subscriber"))
    client.force_login(user)

    assert client.get(view_url(ada, VIEW)).status_code == 403
