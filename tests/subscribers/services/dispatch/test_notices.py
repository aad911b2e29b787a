"""What mails that came back say; a mail without a token in its recipient's address says nothing."""

import random

import pytest

from subscribers.services.dispatch import notices
from subscribers.services.dispatch.notices import Kind, Notice
from subscribers.wire import mail_tokens
from tests.support.returned_mail import (
    NOBODY,
    QMAIL,
    RETURN_PATH,
    UNSUBSCRIBE,
    complaint,
    dsn,
    plain,
)

TOKEN = bytes(range(26))
TO = mail_tokens.address(pattern=RETURN_PATH, secret=TOKEN)
PERSON = bytes(range(32))
LEAVE = mail_tokens.address(pattern=UNSUBSCRIBE, secret=PERSON)
HOLIDAY = "Auto-Submitted: auto-replied\n"


def read(content: bytes) -> Notice | None:
    return notices.read(content, return_path=RETURN_PATH, unsubscribe=UNSUBSCRIBE)


def kind_of(content: bytes) -> Kind | None:
    found = read(content)
    return found.kind if found else None


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ({}, Kind.HARD_BOUNCE),
        ({"reply": "smtp; 550 No such user here"}, Kind.HARD_BOUNCE),
        ({"reply": "X-Postfix; unknown user: ada"}, Kind.HARD_BOUNCE),
        ({"reply": ""}, Kind.HARD_BOUNCE),
        ({"status": "5.0.0"}, Kind.HARD_BOUNCE),
        ({"action": "Failed (by the host)"}, Kind.HARD_BOUNCE),
        # Nothing exact is said.
        ({"status": "5.0.0", "reply": ""}, Kind.SOFT_BOUNCE),
        # As answers of a mail server are judged: full, policy, spam, routing, gave up.
        ({"status": "5.2.2", "reply": "smtp; 552 5.2.2 Mailbox full"}, Kind.SOFT_BOUNCE),
        ({"status": "5.7.1", "reply": "smtp; 550 5.7.1 Blocked"}, Kind.SOFT_BOUNCE),
        ({"status": "5.1.1", "reply": "smtp; 550 5.7.1 Blocked"}, Kind.SOFT_BOUNCE),
        ({"status": "5.0.0", "reply": "smtp; 550 spam detected"}, Kind.SOFT_BOUNCE),
        ({"status": "5.4.4", "reply": "X-Postfix; Host not found"}, Kind.SOFT_BOUNCE),
        ({"status": "4.4.7", "reply": "smtp; 451 4.4.7 expired"}, Kind.SOFT_BOUNCE),
        ({"action": "delayed", "status": "4.4.1"}, Kind.SOFT_BOUNCE),
        ({"action": "delivered", "status": "2.0.0", "reply": ""}, None),
        ({"action": "relayed", "status": "2.0.0", "reply": ""}, None),
    ],
)
def test_a_notification_says_whether_the_address_exists(
    given: dict[str, str], kind: Kind | None
) -> None:
    assert kind_of(dsn(TO, **given)) is kind


def test_the_token_and_the_server_s_reply_are_read() -> None:
    reply = NOBODY.removeprefix("smtp; ")

    assert read(dsn(TO)) == Notice(Kind.HARD_BOUNCE, TOKEN, reply)


@pytest.mark.parametrize(
    "content",
    [
        dsn(TO.upper()),
        dsn(f'"Bounces" <{TO}>'),
        dsn("postmaster@x.example", headers=f"Delivered-To: {TO}\n"),
        dsn("postmaster@x.example", headers=f"X-Original-To: {TO}\n"),
        dsn(f"a@x.example,\n {TO}"),
        dsn(TO).replace(b"\n", b"\r\n"),
        dsn(TO).replace(b"message/delivery-status", b"message/global-delivery-status"),
        # The returned mail was large, and the end is missing.
        dsn(TO, returned="x" * 300_000),
    ],
)
def test_servers_write_the_same_in_other_ways(content: bytes) -> None:
    found = read(content)

    assert found is not None
    assert (found.kind, found.token) == (Kind.HARD_BOUNCE, TOKEN)


@pytest.mark.parametrize(
    "content",
    [
        dsn("bounces@mail.example.com"),
        dsn(TO.replace("bounces", "xbounces")),
        dsn(TO[:-1]),
        dsn(TO.replace("+a", "+1")),
        # The token is in the mail, but nobody sent the notice to it.
        dsn("bounces@mail.example.com", returned=f"Return-Path: <{TO}>\nTo: {TO}\n\n{TO}"),
        dsn("bounces@mail.example.com", headers=f"Subject: {TO}\nFrom: {TO}\nReply-To: {TO}\n"),
        complaint("abuse@mail.example.com"),
        plain("bounces@mail.example.com", QMAIL.format(reply="550 5.1.1 no")),
    ],
)
def test_without_a_token_in_the_recipient_nothing_is_meant(content: bytes) -> None:
    assert read(content) is None


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (QMAIL.format(reply="550 5.1.1 <ada@example.org>: no mailbox"), Kind.HARD_BOUNCE),
        (QMAIL.format(reply="550 No such user"), Kind.HARD_BOUNCE),
        (QMAIL.format(reply="554 5.7.1 Service unavailable; listed"), Kind.SOFT_BOUNCE),
        (QMAIL.format(reply="550 5.2.2 quota exceeded"), Kind.SOFT_BOUNCE),
        (QMAIL.format(reply="It went wrong"), Kind.SOFT_BOUNCE),
        ("I am away until Monday. user unknown", None),
    ],
)
def test_bounces_of_other_shapes_count_where_they_are_permanent(
    text: str, kind: Kind | None
) -> None:
    assert kind_of(plain(TO, text)) is kind


def test_answers_of_programs_are_no_bounces() -> None:
    text = QMAIL.format(reply="550 5.1.1 no mailbox")

    assert kind_of(plain(TO, text, more=HOLIDAY)) is None
    assert kind_of(plain(LEAVE, "I am away", more=HOLIDAY)) is None
    assert kind_of(dsn(LEAVE)) is None


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("abuse", Kind.COMPLAINT),
        ("Fraud", Kind.COMPLAINT),
        ("not-spam", None),
        ("auth-failure", None),
    ],
)
def test_an_abuse_report_is_a_complaint(kind: str, expected: Kind | None) -> None:
    assert kind_of(complaint(TO, kind=kind)) is expected
    # To the address that the provider has; the envelope sender is in a field.
    assert kind_of(complaint("abuse@x.example", kind=kind, mail_from=TO)) is expected


def test_a_mail_to_the_person_s_address_unsubscribes() -> None:
    assert read(plain(LEAVE, "", sender="ada@example.org")) == Notice(Kind.LEAVE, PERSON)
    assert read(plain(TO, "unsubscribe", sender="ada@example.org")) is None


def test_the_subject_of_a_mail_to_unsubscribe_may_name_a_list() -> None:
    news = f"lst_{'a' * 32}"
    written = plain(LEAVE, "", sender="ada@example.org")

    named = read(written.replace(b"failure notice", f"unsubscribe {news}".encode()))

    assert named == Notice(Kind.LEAVE, PERSON, news)


def odd_mails() -> list[bytes]:
    """Return a thousand mails that a stranger may send to a token's address."""
    chance = random.Random(17)  # noqa: S311 - not for secrets
    good = [dsn(TO), complaint(TO), plain(TO, QMAIL.format(reply="550 x")), plain(LEAVE, "")]
    nested = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(3000)
    )
    heads = f"To: {TO}\n".encode()
    odd = [
        b"", b"\0" * 5000, b"\xff" * 5000, heads, heads * 5000, b":\n" * 5000,
        heads + nested,
        heads + b"Content-Type: message/rfc822\n\n" * 3000,
        heads + b"Content-Type: multipart/digest; boundary=b\n\n" + b"--b\n\n" * 5000,
        heads + b"Content-Type: multipart/report; boundary=\n\n--\n--\n",
        heads + b"Content-Type: text/plain; charset=klingon\n\n\xe4\xf6",
        heads + b"Content-Transfer-Encoding: base64\n\n=====!!!!",
        b"To: =?utf-8?b?" + TO.encode() + b"?=\n\n",
        b"To: " + b"bounces+" * 20_000 + b"\n\n",
        b"To: " + b"a" * 200_000 + b"@mail.example.com\n\n",
        dsn(TO, reply="smtp; 550 \udce4\udcff \0\x1b[31m".encode("utf-8", "replace").decode()),
        dsn(TO, status="5." * 5000),
        dsn(TO, returned=dsn(TO, returned=dsn(TO).decode()).decode()),
        dsn(TO, returned="x" * (20 * 1024 * 1024)),
        plain(TO, "550 " * 50_000),
        plain(TO, "\n" * 200_000),
    ]  # fmt: skip
    while len(odd) < 1000:
        mail = bytearray(chance.choice(good))
        for _ in range(chance.randint(1, 30)):
            mail[chance.randrange(len(mail))] = chance.randrange(256)
        odd.append(bytes(mail[: chance.randint(1, len(mail))]))
    return odd


def test_a_thousand_odd_mails_harm_nothing() -> None:
    for content in odd_mails():
        found = read(content)
        assert found is None or (len(found.token) in {26, 32} and found.details.isprintable())


def test_the_addresses_that_mails_have_are_those_that_are_read() -> None:
    assert len(TO.partition("@")[0]) <= 64
    assert len(LEAVE.partition("@")[0]) <= 64
