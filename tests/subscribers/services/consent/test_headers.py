"""What a mail's headers say about how to get no more of it."""

import re

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from subscribers.models import Subscriber
from subscribers.services.consent import headers as mail_headers
from subscribers.services.outbox.delivery import build
from tests import factories
from tests.support import returned_mail
from tests.support.smtp_servers import message

pytestmark = pytest.mark.django_db


@pytest.fixture
def person(settings: Settings) -> Subscriber:
    settings.PUBLIC_URL = "https://mail.example.com"
    return factories.SubscriberFactory.create()


def test_marketing_mail_can_be_left_by_one_click(person: Subscriber) -> None:
    headers = mail_headers.for_mail(subscriber=person, kind="marketing")

    url = f"https://mail.example.com/u/{person.pk.hex}{person.unsubscribe_token}"
    assert headers == {
        "List-Unsubscribe": f"<{url}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "Auto-Submitted": "auto-generated",
        "Precedence": "bulk",
    }


def test_a_mail_can_be_sent_to_leave_where_that_is_set(
    person: Subscriber, settings: Settings
) -> None:
    settings.UNSUBSCRIBE_MAILTO = returned_mail.UNSUBSCRIBE

    headers = mail_headers.for_mail(subscriber=person, kind="marketing")

    link, mailto = headers["List-Unsubscribe"].split(", ")
    address = returned_mail.leaving_address_of(person)
    assert link == f"<{mail_headers.unsubscribe_url(person)}>"
    assert mailto == f"<mailto:{address}?subject=unsubscribe>"
    assert len(address.partition("@")[0]) <= 64
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    content = build(message(headers=headers)).message().as_bytes()
    assert link.encode() in content
    assert mailto.encode() in content


@pytest.mark.parametrize("kind", ["transactional", "confirmation"])
def test_other_mail_cannot_be_left(person: Subscriber, kind: str) -> None:
    headers = mail_headers.for_mail(subscriber=person, kind=kind)

    assert headers == {"Auto-Submitted": "auto-generated"}


def test_the_link_in_the_header_is_the_address_of_the_page(
    person: Subscriber, client: Client
) -> None:
    url = mail_headers.unsubscribe_url(person)

    assert url.removeprefix("https://mail.example.com").startswith("/u/")
    answer = client.get(url.removeprefix("https://mail.example.com"))
    assert answer.resolver_match.view_name == "unsubscribe"


def test_the_link_is_whole_on_one_line_of_the_mail(person: Subscriber) -> None:
    headers = mail_headers.for_mail(subscriber=person, kind="marketing")

    content = build(message(headers=headers)).message().as_bytes().decode("ascii")

    # A long line may be folded before the link, as RFC 5322 has it, never within.
    assert re.search(f"\nList-Unsubscribe:\\s+{re.escape(headers['List-Unsubscribe'])}\n", content)
    assert "\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\n" in content
