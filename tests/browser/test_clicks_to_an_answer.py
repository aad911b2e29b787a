"""The questions that people bring to the admin, answered from the home page in few clicks.

Typing, and Enter after it, is no click. That a mailing takes twelve: `test_segments_in_a_browser`.
"""

import os
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from events.services import backtests, demo
from events.services.ingestion.request import current_limits
from subscribers import ids
from subscribers.models import Subscriber, Workspace
from tests import factories
from tests.browser.test_admin_in_a_browser import sign_in
from tests.conftest import new_caller
from tests.support.engine_running import enrollment_of
from tests.support.sequence_making import MAIL, make_sequence
from tests.support.time_travel import TimeTravel

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
MOST_CLICKS = 5
PEOPLE = 20
WITHIN_MS = 15_000
DAY = timedelta(days=1)
REFUSED = "550 5.1.1 No such user here"


class Clicks:
    """Somebody who begins at the home page; every click is counted."""

    def __init__(self, page: "Page", server: LiveServer) -> None:
        sign_in(page, server)
        self.page = page
        self.count = 0
        page.set_default_timeout(WITHIN_MS)
        page.goto(f"{server.url}/admin/")

    def on(self, selector: str) -> None:
        self.count += 1
        self.page.locator(selector).first.click()

    def menu(self, title: str) -> None:
        self.on(f"#nav-sidebar a:has(span:text-is('{title}'))")

    def search(self, text: str) -> None:
        """Type into the list's search, which needs no click: it has the focus, or Tab gives it."""
        self.page.focus("input[name=q]")
        self.page.keyboard.type(text)
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")

    def read(self, *answers: str) -> None:
        """Find every answer on the page, after no more clicks than are allowed."""
        if folder := os.environ.get("SCREENSHOTS"):
            name = os.environ["PYTEST_CURRENT_TEST"].rpartition("::")[2].split()[0]
            self.page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)
        shown = " ".join(self.page.inner_text("main").split())
        for answer in answers:
            assert answer in shown
        assert self.count <= MOST_CLICKS


@pytest.fixture
def shop(db: None) -> Workspace:
    """The demo of some people, to which each question adds what it is about."""
    return demo.seed(
        slug="demo", now=timezone.now(), limits=current_limits(), people=PEOPLE
    ).workspace


@pytest.fixture
def begin(page: "Page", live_server: LiveServer) -> Callable[[], Clicks]:
    """Returns somebody at the home page; called when everything has been made."""
    return lambda: Clicks(page, live_server)


def test_why_did_this_person_not_get_the_trial_mail(
    shop: Workspace, begin: Callable[[], Clicks]
) -> None:
    make_sequence(shop, MAIL, name="Trial mail", eventName="trial.started")
    factories.SubscriberFactory.create(workspace=shop, email="lena.haddad@example.com")
    clicks = begin()

    clicks.menu("Subscribers")
    clicks.search("lena.had")
    clicks.on("text=lena.haddad@example.com")
    clicks.on("text=Why (not)?")
    clicks.on("main >> text=Trial mail")

    clicks.read("The event trial.started never came from this person.")


def test_what_did_this_event_do(shop: Workspace, begin: Callable[[], Clicks]) -> None:
    regular = factories.TagFactory.create(workspace=shop, name="regular")
    rule = factories.SyncRuleFactory.create(workspace=shop, trigger_event="order.placed")
    factories.SyncRuleTagFactory.create(rule=rule, tag=regular)
    make_sequence(shop, MAIL, name="After an order", eventName="order.placed")
    sent = new_caller(shop).bulk({"name": "order.placed"}, email="lena@example.com")
    clicks = begin()

    clicks.menu("Events")
    clicks.on("#result_list >> text=order.placed")

    assert sent.status == 200
    clicks.read("regular", "After an order")


def test_stop_mailing_them_now(shop: Workspace, begin: Callable[[], Clicks]) -> None:
    person = factories.SubscriberFactory.create(workspace=shop, email="lena@example.com")
    clicks = begin()

    clicks.menu("Subscribers")
    clicks.search("lena@example.com")
    clicks.on("#result_list >> text=lena@example.com")
    clicks.on("text=Unsubscribe…")
    clicks.page.fill("input[name=reason]", "asked on the phone")
    clicks.on("button:has-text('Unsubscribe')")

    clicks.page.wait_for_selector("text=is unsubscribed")
    clicks.read("Unsubscribed")
    person.refresh_from_db()
    assert person.status == Subscriber.Status.UNSUBSCRIBED


def test_which_mails_failed_yesterday_and_why(shop: Workspace, begin: Callable[[], Clicks]) -> None:
    yesterday = timezone.now() - DAY

    def mail(to: str, at: datetime, **columns: object) -> None:
        with ids.made_at(lambda: at):
            factories.OutgoingEmailFactory.create(
                subscriber__workspace=shop, subscriber__email=to, created_at=at, **columns
            )

    mail("lena@example.com", yesterday, failed=True, last_error=REFUSED)
    mail("max@example.com", yesterday, sent=True)
    mail("before@example.com", yesterday - 2 * DAY, failed=True)
    mail("today@example.com", timezone.now(), failed=True)
    clicks = begin()

    clicks.menu("Outbox")
    clicks.on(".cueline-filters summary")
    clicks.on(".cueline-filters >> text=Failed")
    clicks.on(".cueline-filters summary")
    clicks.on(".cueline-filters >> text=Yesterday")

    clicks.read("lena@example.com", REFUSED)
    assert clicks.page.locator("#result_list tbody tr").count() == 1


def test_how_many_would_this_draft_have_mailed_last_month(
    shop: Workspace, begin: Callable[[], Clicks]
) -> None:
    draft = make_sequence(shop, MAIL, name="Trial mail", is_active=False)
    definition = factories.EventDefinitionFactory.create(workspace=shop, name="signup")
    for days in (3, 9, 40):
        factories.EventFactory.create(
            subscriber__workspace=shop,
            definition=definition,
            occurred_at=timezone.now() - days * DAY,
        )
    clicks = begin()

    clicks.menu("Sequences")
    clicks.on(f"#result_list >> text={draft.name}")
    clicks.on("text=Backtest")
    clicks.on("text=Start a backtest")
    clicks.page.wait_for_selector("text=It begins when a worker takes it.")
    backtests.carry_on(now=timezone.now())

    clicks.page.wait_for_selector("text=Mails that would have left")
    clicks.read("Mails that would have left: 2.")


def test_the_mail_server_is_dead_since_when_and_what_waits(
    settings: Settings, begin: Callable[[], Clicks], db: None
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    # Nothing listens at the first port.
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    died_at = timezone.now() - timedelta(minutes=10)
    # Without the demo, which sends nothing.
    news = make_sequence(factories.WorkspaceFactory.create(name="Acme"), MAIL, name="News")
    enrollments = [
        enrollment_of(news, name, due_at=died_at, entered_at=died_at) for name in ("ada", "bob")
    ]
    TimeTravel(died_at).run_for(timedelta(minutes=10))
    clicks = begin()

    clicks.read(
        f"No mail has left by 127.0.0.1:1 since {died_at:%Y-%m-%d %H:%M:%S} UTC: "
        "the server does not answer",
        "Mails that wait: 2.",
    )
    clicks.menu("Enrollments")

    people = [each.subscriber.email for each in enrollments]
    clicks.read(*people, "the mail server does not answer")
