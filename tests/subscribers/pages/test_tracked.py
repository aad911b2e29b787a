"""`/r/…` and `/o/….gif`: they lead on, count, and tell nothing; no visitor makes them fail."""

import logging

import pytest
from django.test import Client

from config import logs
from subscribers.models import OutgoingEmail
from subscribers.pages.tracked import GIF
from tests.support.tracked_mail import (
    HELP,
    SHOP,
    SHOWS_PICTURE,
    activity_of,
    get,
    links_of,
    picture_of,
    sent_mail,
)

pytestmark = pytest.mark.django_db
UNKNOWN = "a" * 42
# They differ from answer to answer.
OWN_HEADERS = {"X-Request-Id"}


@pytest.fixture
def email() -> OutgoingEmail:
    return sent_mail()


def test_a_click_leads_to_the_link_and_counts(email: OutgoingEmail) -> None:
    answers = [get(path) for path in links_of(email)]

    assert [(answer.status_code, answer["Location"]) for answer in answers] == [
        (302, SHOP),
        (302, HELP),
    ]
    for answer in answers:
        assert answer["Cache-Control"] == "no-store"
        assert answer["Referrer-Policy"] == "no-referrer"
        assert answer["X-Robots-Tag"] == "noindex, nofollow"
        assert not answer.cookies
        assert answer.content == b""


def test_a_picture_is_one_point_that_nobody_keeps(email: OutgoingEmail) -> None:
    answer = get(picture_of(email), SHOWS_PICTURE)

    assert (answer.status_code, answer.content) == (200, GIF)
    assert answer["Content-Type"] == "image/gif"
    assert answer["Cache-Control"] == "no-store"
    assert not answer.cookies
    assert activity_of(email) == [("opened", "human", "")]


def test_a_picture_that_is_not_ours_looks_the_same(email: OutgoingEmail) -> None:
    ours, other = get(picture_of(email)), get(f"/o/{UNKNOWN}.gif")

    assert (ours.status_code, ours.content) == (other.status_code, other.content)
    assert {k: v for k, v in ours.items() if k not in OWN_HEADERS} == {
        k: v for k, v in other.items() if k not in OWN_HEADERS
    }


@pytest.mark.parametrize("token", [UNKNOWN, "x", "%00", "a" * 5000, "https:evil.example"])
def test_a_broken_link_gets_a_calm_page(token: str) -> None:
    answer = get(f"/r/{token}?url=https://evil.example")

    assert answer.status_code == 404
    assert "This link leads nowhere" in answer.content.decode()
    assert "evil" not in answer.content.decode()
    assert "Location" not in answer


def test_head_answers_and_counts_as_a_machine(email: OutgoingEmail) -> None:
    client = Client()

    click = client.head(links_of(email)[0])
    picture = client.head(picture_of(email))
    unknown = client.head(f"/r/{UNKNOWN}")

    assert (click.status_code, click["Location"]) == (302, SHOP)
    assert (picture.status_code, picture.content) == (200, b"")
    assert unknown.status_code == 404
    assert activity_of(email) == [("clicked", "machine", SHOP), ("opened", "machine", "")]


@pytest.mark.parametrize("method", ["post", "put", "delete", "patch"])
def test_nothing_but_get_and_head(email: OutgoingEmail, method: str) -> None:
    client = Client(enforce_csrf_checks=True)

    answers = [getattr(client, method)(path) for path in (links_of(email)[0], picture_of(email))]

    assert {answer.status_code for answer in answers} <= {403, 405}
    assert activity_of(email) == []


def test_an_address_in_any_script_leads_on() -> None:
    url = "https://shop.example/käse?q=ß#ü"
    email = sent_mail(html=f'<a href="{url}">x</a>')

    answer = get(links_of(email)[0])

    assert answer["Location"] == "https://shop.example/k%C3%A4se?q=%C3%9F#%C3%BC"


def test_no_token_is_in_the_log(email: OutgoingEmail, caplog: pytest.LogCaptureFixture) -> None:
    path = links_of(email)[0]

    with caplog.at_level(logging.DEBUG):
        get(path)
        get(picture_of(email))

    formatter = logs.PlainFormatter()
    lines = "\n".join(formatter.format(record) for record in caplog.records)
    assert path not in lines
    assert path not in logs.redact(f"GET {path}")
    assert picture_of(email) not in logs.redact(f"GET {picture_of(email)}")
