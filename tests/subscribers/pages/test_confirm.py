"""The confirmation link: what confirms, what must not, and one page for every dead link."""

import logging
import re
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest
from django.test import Client

from config import logs
from subscribers.models import Confirmation, ConsentRecord, OutgoingEmail, Subscriber
from subscribers.services.consent import links, unsubscribing
from tests import factories

FORM = "application/x-www-form-urlencoded"
BUTTON, GESTURE, FRESH_LINK = b"by=button", b"by=gesture", b"by=fresh_link"
ONE_CLICK = {"List-Unsubscribe": "One-Click"}
# Well formed, and signed by nobody.
UNKNOWN = f"/c/{'0' * 32}.1a2B3c.{'m' * 22}.{'x' * 43}"

pytestmark = pytest.mark.django_db


@pytest.fixture
def question() -> Confirmation:
    """An open question to somebody pending."""
    return factories.ConfirmationFactory.create(subscriber__workspace__name="Acme")


def allow_gestures(question: Confirmation) -> None:
    question.workspace.confirmation_needs_button = False
    question.workspace.save()


def path_of(question: Confirmation, *, age: timedelta = timedelta(0)) -> str:
    return f"/c/{links.token(question, datetime.now(tz=UTC) - age)}"


def get(path: str) -> Any:
    return Client().get(path)


def post(path: str, body: bytes = BUTTON, *, content_type: str = FORM, **headers: str) -> Any:
    """Send what the page sends, to a server that checks for forgery."""
    client = Client(enforce_csrf_checks=True)
    return client.generic("POST", path, body, content_type=content_type, headers=headers)


def status_of(question: Confirmation) -> str:
    return Subscriber.objects.get(pk=question.subscriber_id).status


def confirmed_lines() -> list[ConsentRecord]:
    return list(ConsentRecord.objects.filter(kind=ConsentRecord.Kind.CONFIRMED))


@pytest.mark.parametrize("method", ["button", "gesture"])
def test_a_post_confirms_and_the_ledger_says_by_what(question: Confirmation, method: str) -> None:
    allow_gestures(question)
    answer = post(path_of(question), b"by=" + method.encode(), **{"User-Agent": "Firefox\x00\n"})

    (line,) = confirmed_lines()
    assert answer.status_code == 200
    assert "Your address is confirmed" in answer.content.decode()
    assert status_of(question) == "active"
    assert line.subscriber_id == question.subscriber_id
    assert (line.method, line.ip, line.user_agent) == (method, "127.0.0.1", "Firefox")
    assert line.request_id == answer.headers["X-Request-Id"]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_looking_changes_nothing(client: Client, question: Confirmation, method: str) -> None:
    path = path_of(question)

    answers = [client.generic(method, path) for _ in range(100)]

    assert {answer.status_code for answer in answers} == {200}
    assert status_of(question) == "pending"
    assert Confirmation.objects.get().closed_at is None
    assert not ConsentRecord.objects.exists()


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods_are_refused(client: Client, question: Confirmation, method: str) -> None:
    answer = client.generic(method, path_of(question), BUTTON, content_type=FORM)

    assert answer.status_code == 405
    assert status_of(question) == "pending"


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", FORM),
        (b"by=Button", FORM),
        (b"by=hand", FORM),
        (b'{"by": "button"}', "application/json"),
        (BUTTON, "text/plain"),
        (b"--b\r\nnonsense", "multipart/form-data; boundary=b"),
        (b"a&" * 2000, FORM),
        (b"by=\x00button", FORM),
        (b"\xff\xfe", f"{FORM}; charset=utf-16"),
        (b"List-Unsubscribe=One-Click", FORM),
    ],
)
def test_a_post_that_does_not_say_by_what_gets_the_page_and_changes_nothing(
    question: Confirmation, body: bytes, content_type: str
) -> None:
    answer = post(path_of(question), body, content_type=content_type)

    assert answer.status_code == 400
    assert "Yes, confirm my address" in answer.content.decode()
    assert status_of(question) == "pending"


def test_a_body_that_is_too_large_is_not_read(question: Confirmation) -> None:
    answer = post(path_of(question), BUTTON + b"&x=" + b"x" * 32 * 1024)

    assert answer.status_code == 413
    assert status_of(question) == "pending"


def test_a_second_click_that_was_on_its_way_is_thanked_and_changes_nothing(
    question: Confirmation,
) -> None:
    path = path_of(question)
    first = post(path)

    second = post(path, GESTURE)

    assert second.content == first.content
    assert len(confirmed_lines()) == 1


def test_a_link_that_was_used_brings_nobody_back_who_has_left_since(
    question: Confirmation,
) -> None:
    path = path_of(question)
    post(path)
    Client().post(f"/u/{unsubscribing.link_token(question.subscriber)}", ONE_CLICK)

    answer = post(path)

    assert answer.content == get(path).content
    assert "This link was used." in answer.content.decode()
    assert status_of(question) == "unsubscribed"


def test_every_used_link_gets_the_same_calm_page_without_a_name(question: Confirmation) -> None:
    left = factories.ConfirmationFactory.create()
    by_operator = factories.ConfirmationFactory.create(subscriber__status="active")
    replaced = factories.ConfirmationFactory.create(
        subscriber__status="active", closed_at=datetime.now(tz=UTC)
    )
    for each in (question, left):
        post(path_of(each))
    Client().post(f"/u/{unsubscribing.link_token(left.subscriber)}", ONE_CLICK)
    lines = ConsentRecord.objects.count()

    used = [question, left, by_operator, replaced]
    pages = [get(path_of(each)) for each in used]
    pages += [get(path_of(each, age=timedelta(days=30))) for each in used]
    heads = [Client().head(path_of(each)) for each in used]

    text = pages[0].content.decode()
    assert "This link was used." in text
    assert "Nothing more to do." in text
    assert "Acme" not in text
    assert "<form" not in text
    assert {answer.status_code for answer in [*pages, *heads]} == {200}
    assert {answer.content for answer in pages} == {pages[0].content}
    assert ConsentRecord.objects.count() == lines


def test_a_link_that_is_over_looks_like_one_that_never_was(
    question: Confirmation, settings: Any
) -> None:
    token = path_of(question).removeprefix("/c/")
    too_old = path_of(question, age=timedelta(days=7, minutes=1))
    given_up = factories.ConfirmationFactory.create(closed_at=datetime.now(tz=UTC))
    gone = factories.ConfirmationFactory.create()
    of_gone = path_of(gone)
    gone.subscriber.delete()
    settings.SECRET_KEY = "another-key-" * 5
    of_another_key = path_of(question)
    settings.SECRET_KEY = "for-tests-only-" * 5
    changed = token[:-1] + ("A" if token[-1] != "A" else "B")
    paths = [too_old, path_of(given_up), of_gone, of_another_key, f"/c/{changed}"]
    paths += [f"/c/{text}" for text in ("x", "%00", "é" * 40, "<script>", "0" * 5000, "..a")]

    pages = [get(path) for path in paths]

    unknown = get(UNKNOWN)
    assert "This link no longer works" in unknown.content.decode()
    for answer in pages:
        assert answer.status_code == unknown.status_code == 200
        assert answer.content == unknown.content
        assert without_id(answer) == without_id(unknown)
    assert status_of(question) == "pending"


def without_id(answer: Any) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name != "X-Request-Id"}


def test_a_link_is_good_for_seven_days(question: Confirmation) -> None:
    just_good = path_of(question, age=timedelta(days=6, hours=23))

    page = get(just_good).content.decode()

    assert "Yes, confirm my address" in page


def test_an_expired_link_confirms_nobody(question: Confirmation) -> None:
    answer = post(path_of(question, age=timedelta(days=8)))

    assert answer.content == get(UNKNOWN).content
    assert status_of(question) == "pending"


def test_a_fresh_link_is_sent_once_a_day_and_confirms(question: Confirmation) -> None:
    path = path_of(question, age=timedelta(days=8))

    answers = [post(path, FRESH_LINK) for _ in range(3)]

    mail = OutgoingEmail.objects.get()
    fresh = re.search(r"/c/[\w.-]+", mail.text)
    assert {answer.content for answer in answers} == {post(UNKNOWN, FRESH_LINK).content}
    assert mail.recipient == question.subscriber.email
    assert fresh is not None
    post(fresh[0])
    assert status_of(question) == "active"


def test_no_fresh_link_goes_to_who_has_confirmed_already(question: Confirmation) -> None:
    path = path_of(question)
    post(path)

    answer = post(path, FRESH_LINK)

    assert answer.content == post(UNKNOWN, FRESH_LINK).content
    assert not OutgoingEmail.objects.exists()


def test_by_default_nothing_but_the_button_confirms(question: Confirmation) -> None:
    page, by_gesture = get(path_of(question)), post(path_of(question), GESTURE)
    still = status_of(question)
    post(path_of(question), BUTTON)

    assert "<script" not in page.content.decode()
    assert "by-gesture" not in page.content.decode()
    assert "script-src" not in page.headers["Content-Security-Policy"]
    assert by_gesture.status_code == 400
    assert still == "pending"
    assert status_of(question) == "active"


def test_after_confirming_people_go_where_the_workspace_says(question: Confirmation) -> None:
    question.workspace.confirmation_redirect_url = "https://acme.example/thanks?a=1&b=2"
    question.workspace.save()

    page, answers = get(path_of(question)), [post(path_of(question)) for _ in range(2)]

    # A browser asks the page's policy whether its form may lead there.
    assert "form-action 'self' https:" in page.headers["Content-Security-Policy"]
    for answer in answers:
        assert answer.status_code == 303
        assert answer.headers["Location"] == "https://acme.example/thanks?a=1&b=2"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "no-store"
    assert status_of(question) == "active"


def test_an_address_that_is_no_page_is_not_gone_to(question: Confirmation) -> None:
    question.workspace.confirmation_redirect_url = "javascript:alert(1)"
    question.workspace.save()

    answer = post(path_of(question))

    assert answer.status_code == 200
    assert "javascript" not in get(path_of(question)).headers["Content-Security-Policy"]


def test_the_page_is_strict_private_and_not_kept(question: Confirmation) -> None:
    allow_gestures(question)
    answer = get(path_of(question))

    policy = answer.headers["Content-Security-Policy"]
    page = answer.content.decode()
    style = re.search(r"<style>(.*)</style>", page)
    assert style is not None
    style_hash = b64encode(sha256(style[1].encode()).digest()).decode()
    assert f"style-src 'self' 'sha256-{style_hash}'" in policy
    assert "default-src 'none'" in policy
    assert policy.endswith("script-src 'self'")
    assert "form-action 'self';" in policy
    assert "unsafe" not in policy
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["X-Robots-Tag"] == "noindex, nofollow"
    assert answer.headers["Cache-Control"] == "no-store"
    assert not answer.cookies
    assert re.findall(r"<script[^>]*>", page) == ['<script src="/static/cueline/confirm.js" defer>']
    assert not re.search(r"https?://", page)
    assert question.subscriber.email not in page


def test_a_hostile_name_is_shown_as_text(question: Confirmation) -> None:
    question.workspace.name = '</title><script>alert(1)</script>"><img src=x onerror=alert(2)>'
    question.workspace.save()

    page = get(path_of(question)).content.decode()

    assert page.count("<script") == 0
    assert "<img" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_no_log_line_has_the_token(
    question: Confirmation, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    path = path_of(question)

    for body in (b"", GESTURE, BUTTON, FRESH_LINK):
        post(path, body)
    get(path)
    get(f"{path}/more")

    formatters: list[logging.Formatter] = [logs.PlainFormatter(), logs.JsonFormatter()]
    lines = "\n".join(each.format(row) for each in formatters for row in caplog.records)
    assert "POST confirm 200" in lines
    assert path.removeprefix("/c/") not in lines
    assert path.rpartition(".")[2] not in lines
    assert question.subscriber.email not in lines
