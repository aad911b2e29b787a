"""The unsubscribe link: one click in a mail program, the page's button, and what must not act."""

import logging
import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from config import logs
from events.models import Enrollment
from subscribers.models import ConsentRecord, OutgoingEmail, Subscriber
from subscribers.services.consent import unsubscribing
from tests import factories
from tests.support.calling import Caller
from tests.support.sequence_making import MAIL, make_sequence

FORM = "application/x-www-form-urlencoded"
ONE_CLICK = b"List-Unsubscribe=One-Click"
MULTIPART = (
    b'--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b--\r\n'
)
UNKNOWN = "0" * 64
# They differ from answer to answer, and with the length of the workspace's name.
OWN_HEADERS = {"X-Request-Id", "Content-Length"}

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
    answer = post(path_of(person), ONE_CLICK + b"&x=" + b"x" * 32 * 1024)

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
        assert without_name(pair[0], person) == without_name(pair[1], person)
        headers = [
            {name: value for name, value in each.headers.items() if name not in OWN_HEADERS}
            for each in pair
        ]
        assert headers[0] == headers[1]


@pytest.mark.parametrize(
    "body", [ONE_CLICK + b"&from=page", b"choice=lists", b"choice=come_back", b"nonsense"]
)
def test_what_the_page_sends_is_answered_alike_for_every_token(
    person: Subscriber, body: bytes
) -> None:
    answers = [post(path, body) for path in (path_of(person), f"/u/{UNKNOWN}")]

    assert answers[0].status_code == answers[1].status_code
    assert without_name(answers[0], person) == without_name(answers[1], person)
    assert (
        answers[0].headers["Content-Security-Policy"]
        == (answers[1].headers["Content-Security-Policy"])
    )


def test_a_mail_program_is_answered_byte_for_byte_alike(person: Subscriber) -> None:
    known, unknown = post(path_of(person)), post(f"/u/{UNKNOWN}")

    assert known.content == unknown.content


def without_name(answer: Any, person: Subscriber) -> str:
    """Return a page without what only somebody with the right link sees: who wrote to them."""
    page = re.sub(r'<p class="sender">.*?</p>', "", answer.content.decode(), flags=re.DOTALL)
    name = re.escape(person.workspace.name)
    page = re.sub(f"(\u2013 |<bdi>){name}(</bdi>)?", "", page)
    page = page.replace("the sender whose mail brought you here", "")
    return " ".join(page.split())


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


@pytest.mark.parametrize(
    ("form", "reason"),
    [
        ({}, ""),
        ({"reason": "too_much"}, "too_much"),
        ({"reason": "<made up>"}, ""),
        ({"reason": "never_asked", "words": " Stop\x00it,\r\nplease\u202e "}, "never_asked: Stop"),
        ({"words": "😀" * 900}, "😀" * 400),
    ],
)
def test_the_ledger_keeps_why_and_from_where_somebody_left(
    person: Subscriber, form: dict[str, str], reason: str
) -> None:
    body = urlencode({"List-Unsubscribe": "One-Click", "from": "page", **form}).encode()

    answer = post(path_of(person), body)

    line = ConsentRecord.objects.get()
    assert answer.status_code == 200
    assert (line.kind, line.method, line.ip) == ("left", "page", "127.0.0.1")
    assert line.reason == reason if len(reason) > 50 else line.reason.startswith(reason)
    assert not any(ord(sign) < 32 for sign in line.reason)


def test_unsubscribed_people_see_it_and_may_come_back_by_a_mail(person: Subscriber) -> None:
    post(path_of(person))

    page = Client().get(path_of(person)).content.decode()
    answers = [post(path_of(person), b"choice=come_back") for _ in range(2)]

    assert "You are unsubscribed" in page
    assert '<input type="hidden" name="choice" value="come_back">' in page
    assert "Check your mailbox" in answers[0].content.decode()
    mail = OutgoingEmail.objects.get()
    assert (mail.kind, mail.recipient) == ("confirmation", person.email)
    assert status_of(person) == "unsubscribed"


@pytest.mark.parametrize(
    ("status", "has_asked", "is_gone"),
    [("bounced", False, False), ("bounced", True, True), ("complained", False, True)],
)
def test_a_bounce_alone_is_no_farewell(
    client: Client, person: Subscriber, status: str, has_asked: bool, is_gone: bool
) -> None:
    left_at = datetime.now(tz=UTC) if has_asked else None
    Subscriber.objects.filter(pk=person.pk).update(status=status, unsubscribed_at=left_at)

    page = client.get(path_of(person)).content.decode()

    assert ("come_back" in page) is is_gone


@pytest.mark.parametrize("status", ["active", "pending", "bounced", "complained"])
def test_nobody_else_is_sent_a_mail_to_come_back_by(person: Subscriber, status: str) -> None:
    Subscriber.objects.update(status=status)

    answer = post(path_of(person), b"choice=come_back")

    assert answer.status_code == 200
    assert not OutgoingEmail.objects.exists()


def test_leaving_stops_what_is_under_way(caller: Caller) -> None:
    make_sequence(caller.workspace, {"type": "delay", "days": 30}, MAIL)
    caller.bulk({"name": "signup"})
    before = Enrollment.objects.get().status

    post(path_of(Subscriber.objects.get()))

    run = Enrollment.objects.get()
    assert before == "active"
    assert (run.status, run.reason, run.due_at) == ("stopped", "unsubscribed", None)
