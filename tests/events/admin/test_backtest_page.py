"""The page that tests a sequence against recorded events."""

import csv
from datetime import timedelta
from html import unescape
from re import sub
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from config.admin_base import admin_url, view_url
from config.admin_links import page_url
from events.models import Backtest, Sequence
from events.services import backtests
from subscribers.models import Subscriber, Workspace
from tests import factories
from tests.support.asking_pages import page_of, statements_of
from tests.support.sequence_making import MAIL, make_sequence

VIEW = "backtest"
IS_PRO = {"path": "plan", "operator": "equals", "value": "pro"}
VIP = {"type": "condition", "rules": [{"type": "tag", "tag": "vip"}]}


@pytest.fixture
def sequence(workspace: Workspace) -> Sequence:
    return make_sequence(workspace, MAIL, VIP, is_active=False, propertyFilters=[IS_PRO])


def sign_up(sequence: Sequence, plan: str, **person: Any) -> Subscriber:
    name = {"workspace": sequence.workspace, "name": "signup"}
    signup = sequence.workspace.event_definitions.filter(name="signup").first()
    found: Subscriber = factories.SubscriberFactory.create(workspace=sequence.workspace, **person)
    factories.EventFactory.create(
        subscriber=found,
        definition=signup or factories.EventDefinitionFactory.create(**name),
        occurred_at=timezone.now() - timedelta(days=2),
        properties={"plan": plan},
    )
    return found


def words_of(client: Client, sequence: Sequence, **asked: str) -> str:
    page = page_of(client, sequence, VIEW, **asked)
    start = page.index('id="content-main"')
    return " ".join(unescape(sub(r"<[^>]+>", " ", page[start:])).split())


def post(client: Client, sequence: Sequence, view: str, **fields: object) -> Any:
    return client.post(view_url(sequence, view), fields, follow=True)


def test_a_draft_is_tested_from_its_page(admin_client: Client, sequence: Sequence) -> None:
    ada = sign_up(sequence, "pro", email="ada@example.com")
    sign_up(sequence, "solo")
    assert "No backtest yet." in words_of(admin_client, sequence)
    assert view_url(sequence, VIEW) in admin_client.get(page_url(sequence)).content.decode()

    page = post(admin_client, sequence, "start-backtest", days="30").content.decode()

    assert "Started a backtest over 30 days" in page
    assert "cueline/renew.js" in page
    assert "It begins when a worker takes it." in page
    backtests.carry_on(now=timezone.now())
    words = words_of(admin_client, sequence)
    assert "Enrollments that would have begun: 1 . Mails that would have left: 1 ." in words
    assert "1. Email “Hello” 1" in words
    assert "a filter of the trigger is not met (plan) 1" in words
    assert "stopped" not in words
    assert "completed: a condition was not met 1" in words
    assert "a person's status, suppression, time zone and tags." in words
    page = page_of(admin_client, sequence, VIEW)
    assert admin_url(ada) in page
    assert "cueline/renew.js" not in page
    assert "<svg" in page


def test_the_people_leave_as_a_guarded_file_with_a_log_entry(
    admin_client: Client, sequence: Sequence
) -> None:
    ada = sign_up(sequence, "pro", email="=cmd@example.com")
    gone = sign_up(sequence, "pro")
    post(admin_client, sequence, "start-backtest", days="30")
    backtests.carry_on(now=timezone.now())
    gone_id, run = gone.public_id, Backtest.objects.get()
    Subscriber.objects.filter(pk=gone.pk).update(email="x@example.com")

    answer = admin_client.post(view_url(sequence, "backtest-people"), {"run": run.pk})

    text = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    rows = list(csv.DictReader(text.splitlines()))
    assert {row["subscriberId"] for row in rows} == {ada.public_id, gone_id}
    assert {row["email"] for row in rows} == {"'=cmd@example.com", "x@example.com"}
    assert {(row["mails"], row["status"], row["reason"]) for row in rows} == {
        ("1", "completed", "condition_not_met")
    }
    assert "Downloaded the people" in LogEntry.objects.latest("pk").change_message


def test_it_is_cancelled(admin_client: Client, sequence: Sequence) -> None:
    post(admin_client, sequence, "start-backtest", days="30")
    run = Backtest.objects.get()

    page = post(admin_client, sequence, "cancel-backtest", run=run.pk).content.decode()

    assert "Cancelled the backtest" in page
    assert Backtest.objects.get().status == "cancelled"
    page = post(admin_client, sequence, "cancel-backtest", run=run.pk).content.decode()
    assert "The backtest had ended before." in page


def test_what_cannot_be_tested_says_why(admin_client: Client, sequence: Sequence) -> None:
    for days in ("", "0", "91", "x", "²", "1" * 400):
        page = post(admin_client, sequence, "start-backtest", days=days).content.decode()
        assert "The number of days must be 1 to 90." in page
    manual = make_sequence(sequence.workspace, MAIL, trigger="manual")
    page = post(admin_client, manual, "start-backtest", days="3").content.decode()
    assert "Only a sequence that an event starts can be tested" in page
    shown = page_of(admin_client, manual, VIEW)
    assert "Only a sequence that an event starts can be tested" in shown
    assert "Start a backtest" not in shown
    assert "Start a backtest" in page_of(admin_client, sequence, VIEW)
    post(admin_client, sequence, "start-backtest", days="3")
    page = post(admin_client, sequence, "start-backtest", days="3").content.decode()
    assert "A backtest of the sequence is under way" in page
    assert Backtest.objects.count() == 1


def test_an_earlier_one_is_shown_and_another_sequences_is_not(
    admin_client: Client, sequence: Sequence
) -> None:
    for _ in range(2):
        post(admin_client, sequence, "start-backtest", days="3")
        backtests.carry_on(now=timezone.now())
    first, second = Backtest.objects.order_by("id")
    other = make_sequence(sequence.workspace, MAIL)

    assert f"?run={first.pk}" in page_of(admin_client, sequence, VIEW)
    assert f"?run={second.pk}" in page_of(admin_client, sequence, VIEW, run=str(first.pk))
    for run, whose in ((first.pk, other), ("x", sequence), ("", sequence), (other.pk, sequence)):
        address = f"{view_url(whose, VIEW)}?run={run}"
        assert admin_client.get(address).status_code == 404
        for action in ("cancel-backtest", "backtest-people"):
            assert post(admin_client, whose, action, run=run).status_code == 404


def test_who_may_only_look_starts_nothing(client: Client, sequence: Sequence) -> None:
    user = User.objects.create(username="looks", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client.force_login(user)

    page = page_of(client, sequence, VIEW)

    assert "Start a backtest" not in page
    for action in ("start-backtest", "cancel-backtest", "backtest-people"):
        assert client.post(view_url(sequence, action)).status_code == 403
        assert client.get(view_url(sequence, action)).status_code == 405
    user.user_permissions.set(
        Permission.objects.filter(codename__in=["view_sequence", "change_sequence"])
    )
    client.force_login(User.objects.get(pk=user.pk))
    assert client.get(view_url(sequence, VIEW)).status_code == 403
    assert client.post(view_url(sequence, "backtest-people")).status_code == 403


def test_more_people_take_no_more_statements(admin_client: Client, sequence: Sequence) -> None:
    counts = []
    for _ in range(3):
        sign_up(sequence, "pro")
        post(admin_client, sequence, "start-backtest", days="30")
        backtests.carry_on(now=timezone.now())
        counts.append(statements_of(admin_client, sequence, VIEW))

    assert counts[1] == counts[2]
