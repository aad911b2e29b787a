"""Reports of delivery services, and mails that come back, leave the activity of their mail."""

from datetime import timedelta
from typing import Any

import pytest

from subscribers.models import MailActivity, OutgoingEmail, Subscriber
from subscribers.services.activity.rules import Visit
from subscribers.services.consent import unsubscribing
from subscribers.services.consent.unsubscribing import UnsubscribeMethod
from subscribers.services.dispatch import reports
from subscribers.services.dispatch.reports import News, Report
from tests import factories
from tests.factories.sequences import NOON

pytestmark = pytest.mark.django_db
Kind = MailActivity.Kind
LATER = NOON + timedelta(hours=1)
UNSUBSCRIBE = f"https://mail.example/u/{'0' * 64}"


@pytest.fixture
def email() -> OutgoingEmail:
    return factories.OutgoingEmailFactory.create(sent=True)


def take(email: OutgoingEmail, **columns: Any) -> None:
    report = Report(recipient=email.recipient, email_id=email.pk, is_taken=True, **columns)
    reports.take(reports=[report], now=LATER)


def rows(email: OutgoingEmail) -> list[tuple[object, ...]]:
    columns = ("kind", "quality", "bounce_type", "times", "at")
    return list(MailActivity.objects.filter(email=email).order_by("id").values_list(*columns))


def test_each_report_leaves_its_fact(email: OutgoingEmail) -> None:
    take(email, activity=Kind.DELIVERED, at=NOON)
    take(email, activity=Kind.DEFERRED, at=NOON)
    take(email, activity=Kind.OPENED, at=LATER, visit=Visit(user_agent="Mozilla/5.0"))
    take(email, activity=Kind.CLICKED, at=LATER, url=UNSUBSCRIBE)
    take(email, activity=Kind.BOUNCED, at=NOON)
    take(email, news=News.HARD_BOUNCE, activity=Kind.BOUNCED)
    take(email, news=News.COMPLAINT)
    take(email, news=News.UNSUBSCRIBED)

    assert rows(email) == [
        ("delivered", "", "", 1, NOON),
        ("deferred", "", "", 1, NOON),
        ("opened", "machine", "", 1, LATER),
        ("clicked", "unknown", "", 1, LATER),
        ("bounced", "", "soft", 1, NOON),
        ("bounced", "", "hard", 1, LATER),
        ("complained", "", "", 1, LATER),
        ("unsubscribed", "", "", 1, LATER),
    ]
    # The token acts in the person's name.
    assert MailActivity.objects.get(kind="clicked").url == "https://mail.example/u/hidden"


@pytest.mark.parametrize("url", ["https://a.example/\0x", "\ud800", "x" * 100_000, "\r\n", ""])
def test_an_odd_address_is_stored_as_far_as_it_can_be(email: OutgoingEmail, url: str) -> None:
    take(email, activity=Kind.CLICKED, url=url)

    assert len(MailActivity.objects.get().url) < 1000


def test_the_same_report_twice_is_one_fact(email: OutgoingEmail) -> None:
    for _ in range(3):
        take(email, activity=Kind.DEFERRED, at=NOON)
    take(email, activity=Kind.DEFERRED, at=NOON + timedelta(minutes=5))

    assert rows(email) == [("deferred", "", "", 2, NOON)]


def test_many_reports_in_one_post(email: OutgoingEmail) -> None:
    other = factories.OutgoingEmailFactory.create(sent=True)
    made = [
        Report(recipient="", email_id=each.pk, activity=Kind.OPENED, at=NOON + timedelta(minutes=n))
        for n in (1, 2, 3)
        for each in (email, other)
    ]

    reports.take(reports=made, now=LATER)

    assert rows(email) == rows(other) == [("opened", "unknown", "", 3, NOON + timedelta(minutes=1))]


def test_a_service_s_clock_is_held_between_the_mail_and_now(email: OutgoingEmail) -> None:
    take(email, activity=Kind.DELIVERED, at=NOON - timedelta(days=900))
    take(email, activity=Kind.DEFERRED, at=NOON + timedelta(days=900))

    assert [at for *_, at in rows(email)] == [NOON, LATER]


def test_who_does_not_want_to_be_tracked_is_delivered_to_and_no_more(email: OutgoingEmail) -> None:
    Subscriber.objects.update(attributes={"doNotTrack": True})

    take(email, activity=Kind.DELIVERED, at=NOON)
    take(email, activity=Kind.OPENED, at=NOON)
    take(email, activity=Kind.CLICKED, at=NOON, url="https://shop.example")

    assert rows(email) == [("delivered", "", "", 1, NOON)]


def test_a_report_that_names_no_mail_of_ours_leaves_nothing(email: OutgoingEmail) -> None:
    reports.take(
        reports=[
            Report(recipient=email.recipient, activity=Kind.OPENED),
            Report(recipient=email.recipient, email_id=email.workspace_id, activity=Kind.OPENED),
        ],
        now=LATER,
    )

    assert MailActivity.objects.count() == 0


def test_leaving_by_the_link_belongs_to_the_latest_marketing_mail() -> None:
    person = factories.SubscriberFactory.create()
    for columns in ({}, {}, {"kind": "transactional"}):
        factories.OutgoingEmailFactory.create(subscriber=person, sent=True, **columns)
    factories.OutgoingEmailFactory.create(subscriber=person)
    latest = OutgoingEmail.objects.filter(kind="marketing", status="sent").order_by("-id")[0]

    for _ in range(2):
        unsubscribing.leave_by_link(
            token=unsubscribing.link_token(person), now=LATER, method=UnsubscribeMethod.ONE_CLICK
        )

    row = MailActivity.objects.get()
    assert (row.email, row.kind, row.reasons) == (latest, "unsubscribed", ["latest_mail"])


def test_leaving_a_list_by_its_link_is_recorded_too(email: OutgoingEmail) -> None:
    membership = factories.ListMembershipFactory.create(subscriber=email.subscriber)

    unsubscribing.leave_by_link(
        token=unsubscribing.link_token(email.subscriber),
        mail_list=f"lst_{membership.list_id.hex}",
        now=LATER,
        method=UnsubscribeMethod.PAGE,
    )

    assert [kind for kind, *_ in rows(email)] == ["unsubscribed"]
    assert Subscriber.objects.get().status == "active"
