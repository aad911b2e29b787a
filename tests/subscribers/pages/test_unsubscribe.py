"""The address to leave by: one click in a mail program, the page's button, and who must not act."""

import logging
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from config import logs
from events.models import Enrollment
from subscribers.models import Subscriber
from subscribers.services import unsubscribing
from tests import factories
from tests.calling import Caller
from tests.sequence_making import MAIL, make_sequence

FORM = "application/x-www-form-urlencoded"
ONE_CLICK = b"List-Unsubscribe=One-Click"
MULTIPART = (
    b'--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b--\r\n'
)
UNKNOWN = "0" * 64

pytestmark = pytest.mark.django_db


@pytest.fixture
def person() -> Subscriber:
    return factories.SubscriberFactory.create()


def path_of(person: Subscriber) -> str:
    return f"/u/{unsubscribing.link_token(person)}"


def post(path: str, body: bytes = ONE_CLICK, *, content_type: str = FORM) -> Any:
    """Send what a mail program sends, to a server that checks for forgery."""
    client = Client(enforce_csrf_checks=True)
    return client.generic("POST", path, body, content_type=content_type)


def status_of(person: Subscriber) -> str:
    return Subscriber.objects.get(pk=person.pk).status


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (ONE_CLICK, FORM),
        (ONE_CLICK + b"&from=page", FORM),
        (ONE_CLICK, f"{FORM}; charset=UTF-8"),
        (MULTIPART, "multipart/form-data; boundary=b"),
    ],
)
def test_a_click_in_the_mail_program_unsubscribes_without_sign_in(
    person: Subscriber, body: bytes, content_type: str
) -> None:
    before = datetime.now(tz=UTC)

    answer = post(path_of(person), body, content_type=content_type)

    stored = Subscriber.objects.get()
    assert answer.status_code == 200
    assert "You are unsubscribed" in answer.content.decode()
    assert stored.status == "unsubscribed"
    assert stored.unsubscribed_at is not None
    assert stored.unsubscribed_at >= before


def test_a_second_click_changes_nothing(person: Subscriber) -> None:
    first = post(path_of(person))
    left_at = Subscriber.objects.get().unsubscribed_at

    second = post(path_of(person))

    assert second.content == first.content
    assert Subscriber.objects.get().unsubscribed_at == left_at


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_looking_changes_nothing(client: Client, person: Subscriber, method: str) -> None:
    answers = [client.generic(method, path_of(person)) for _ in range(100)]

    assert {answer.status_code for answer in answers} == {200}
    assert status_of(person) == "active"


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods_are_refused(client: Client, person: Subscriber, method: str) -> None:
    answer = client.generic(method, path_of(person), ONE_CLICK, content_type=FORM)

    assert answer.status_code == 405
    assert status_of(person) == "active"


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", FORM),
        (b"List-Unsubscribe=one-click", FORM),
        (b"list-unsubscribe=One-Click", FORM),
        (b'{"List-Unsubscribe": "One-Click"}', "application/json"),
        (ONE_CLICK, "text/plain"),
        (MULTIPART, "multipart/form-data"),
        (b"--b\r\nnonsense", "multipart/form-data; boundary=b"),
        (b"a&" * 2000, FORM),
        (b"\xff\xfe", f"{FORM}; charset=utf-16"),
    ],
)
def test_a_post_that_does_not_ask_for_it_gets_the_page_and_changes_nothing(
    person: Subscriber, body: bytes, content_type: str
) -> None:
    answer = post(path_of(person), body, content_type=content_type)

    assert answer.status_code == 400
    assert "<button" in answer.content.decode()
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert status_of(person) == "active"


def test_a_body_that_is_too_large_is_not_read(person: Subscriber) -> None:
    answer = post(path_of(person), ONE_CLICK + b"&x=" + b"x" * 4096)

    assert answer.status_code == 413
    assert status_of(person) == "active"


@pytest.mark.parametrize(
    "token",
    [UNKNOWN, "x", "0" * 32, "0" * 65, "%00", "..", "<script>", "é" * 32, "A" * 64, "0" * 5000],
)
def test_known_and_unknown_tokens_get_the_same_answers(person: Subscriber, token: str) -> None:
    known, unknown = path_of(person), f"/u/{token}"

    looks = [Client().get(path) for path in (known, unknown)]
    clicks = [post(path) for path in (known, unknown)]

    for pair in (looks, clicks):
        assert pair[0].status_code == pair[1].status_code == 200
        assert pair[0].content == pair[1].content
        headers = [
            {name: value for name, value in each.headers.items() if name != "X-Request-Id"}
            for each in pair
        ]
        assert headers[0] == headers[1]


def test_the_secret_of_another_or_with_a_changed_digit_unsubscribes_nobody(
    person: Subscriber,
) -> None:
    other = factories.SubscriberFactory.create()
    token = unsubscribing.link_token(person)
    last = "0" if token[-1] != "0" else "1"

    post(f"/u/{person.pk.hex}{other.unsubscribe_token}")
    post(f"/u/{token[:-1]}{last}")
    post(f"/u/{token.upper()}")

    assert {status_of(person), status_of(other)} == {"active"}


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_answer_is_strict_private_and_not_kept(person: Subscriber, method: str) -> None:
    answer = Client().generic(method, path_of(person), ONE_CLICK, content_type=FORM)

    policy = answer.headers["Content-Security-Policy"]
    page = answer.content.decode()
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "unsafe" not in policy
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["X-Robots-Tag"] == "noindex, nofollow"
    assert answer.headers["Cache-Control"] == "no-store"
    assert not answer.cookies
    assert "<script" not in page
    assert "style=" not in page
    assert unsubscribing.link_token(person) not in page
    assert person.email not in page


def test_the_page_s_button_sends_what_unsubscribes(person: Subscriber) -> None:
    page = Client().get(path_of(person)).content.decode()

    assert '<form method="post">' in page
    assert '<input type="hidden" name="List-Unsubscribe" value="One-Click">' in page


def test_no_log_line_has_the_token(person: Subscriber, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    token = unsubscribing.link_token(person)

    Client().get(f"/u/{token}")
    post(f"/u/{token}")
    post(f"/u/{token}", b"")
    Client().get(f"/u/{token}/more")

    formatters: list[logging.Formatter] = [logs.PlainFormatter(), logs.JsonFormatter()]
    lines = "\n".join(each.format(row) for each in formatters for row in caplog.records)
    assert "POST unsubscribe 200" in lines
    assert person.unsubscribe_token not in lines
    assert person.email not in lines


def test_leaving_stops_what_is_under_way(caller: Caller) -> None:
    make_sequence(caller.workspace, {"type": "delay", "days": 30}, MAIL)
    caller.bulk({"name": "signup"})
    before = Enrollment.objects.get().status

    post(path_of(Subscriber.objects.get()))

    run = Enrollment.objects.get()
    assert before == "active"
    assert (run.status, run.reason, run.due_at) == ("stopped", "unsubscribed", None)
