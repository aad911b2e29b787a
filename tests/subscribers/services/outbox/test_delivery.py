"""Emails as they are written, backends other than SMTP, and the allow list."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.core import mail as django_mail
from django.core.mail.backends.base import BaseEmailBackend
from pytest_django.fixtures import Settings

from subscribers.services.outbox.delivery import (
    REPORTED_ID,
    Delivery,
    DeliveryOutcome,
    Mailer,
    build,
    is_allowed,
)
from tests.support import web_servers
from tests.support.smtp_servers import message
from tests.support.web_servers import Receiver


def test_the_file_backend_writes_mails(settings: Settings, tmp_path: Path) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    settings.EMAIL_FILE_PATH = tmp_path

    with Mailer() as mailer:
        outcomes = [mailer.send(message(subject=f"Mail {number}")).outcome for number in (1, 2)]

    assert outcomes == [DeliveryOutcome.SENT] * 2
    written = "".join(path.read_text() for path in tmp_path.iterdir())
    assert "Subject: Mail 1" in written
    assert "Subject: Mail 2" in written


def test_a_file_that_cannot_be_written_defers(settings: Settings, tmp_path: Path) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    settings.EMAIL_FILE_PATH = tmp_path / "file"
    settings.EMAIL_FILE_PATH.write_text("in the way")

    with Mailer() as mailer:
        delivery = mailer.send(message())

    assert delivery.outcome is DeliveryOutcome.DEFERRED


def test_a_backend_that_does_not_exist_defers(settings: Settings) -> None:
    settings.EMAIL_BACKEND = "nowhere.EmailBackend"

    with Mailer() as mailer:
        delivery = mailer.send(message())

    assert delivery.outcome is DeliveryOutcome.DEFERRED
    assert "nowhere" in delivery.error


class ApiError(Exception):
    """Shaped like anymail's."""

    def __init__(self, status_code: int | None) -> None:
        super().__init__(f"The API said {status_code}")
        self.status_code = status_code


class AnymailRecipientsRefused(Exception):
    """Named like anymail's."""


class RaisingBackend(BaseEmailBackend):
    """A third party's email backend."""

    error: Exception | None = None
    count = 1

    def send_messages(self, email_messages: Any) -> int:  # noqa: ARG002 - its name in Django
        if self.error:
            raise self.error
        return self.count

    def close(self) -> None:
        raise ConnectionError("gone")


@pytest.mark.parametrize(
    ("error", "outcome", "code"),
    [
        (None, DeliveryOutcome.SENT, None),
        (ConnectionError("lost"), DeliveryOutcome.UNKNOWN, None),
        (RuntimeError(), DeliveryOutcome.UNKNOWN, None),
        (ApiError(None), DeliveryOutcome.UNKNOWN, None),
        (ApiError(200), DeliveryOutcome.UNKNOWN, 200),
        (ApiError(400), DeliveryOutcome.REFUSED, 400),
        (ApiError(422), DeliveryOutcome.REFUSED, 422),
        (ApiError(401), DeliveryOutcome.DEFERRED, 401),
        (ApiError(408), DeliveryOutcome.DEFERRED, 408),
        (ApiError(429), DeliveryOutcome.DEFERRED, 429),
        (ApiError(503), DeliveryOutcome.DEFERRED, 503),
        (AnymailRecipientsRefused("no"), DeliveryOutcome.REFUSED, None),
    ],
)
def test_an_error_of_another_backend_is_unknown_unless_it_says_more(
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception | None,
    outcome: DeliveryOutcome,
    code: int | None,
) -> None:
    settings.EMAIL_BACKEND = f"{__name__}.RaisingBackend"
    monkeypatch.setattr(RaisingBackend, "error", error)

    with Mailer() as mailer:
        delivery = mailer.send(message())

    assert (delivery.outcome, delivery.code) == (outcome, code)
    assert bool(delivery.error) == (error is not None)


def test_a_backend_that_says_it_sent_nothing_is_unknown(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.EMAIL_BACKEND = f"{__name__}.RaisingBackend"
    monkeypatch.setattr(RaisingBackend, "count", 0)

    with Mailer() as mailer:
        delivery = mailer.send(message())

    assert delivery.outcome is DeliveryOutcome.UNKNOWN


def test_line_breaks_in_headers_are_collapsed() -> None:
    built = build(
        message(
            subject="Hello\r\nBcc: x@example.com",
            sender="Ada\n <ada@example.com>",
            headers={
                "List-Unsubscribe": "<https://example.com/u>\r\nX: y",
                "message-id": "<other@example.com>",
            },
        )
    ).message()

    assert built["Subject"] == "Hello Bcc: x@example.com"
    assert built["From"] == "Ada <ada@example.com>"
    assert built["List-Unsubscribe"] == "<https://example.com/u> X: y"
    assert built.get_all("Message-ID") == ["<1@mail.example.com>"]
    assert built["Bcc"] is None
    assert built["Date"]


def test_a_mail_without_html_is_text_alone() -> None:
    assert build(message(html="")).message().get_content_type() == "text/plain"
    assert build(message()).message().get_content_type() == "multipart/alternative"


def test_locmem_gets_the_mail() -> None:
    with Mailer() as mailer:
        delivery = mailer.send(message())

    assert delivery == Delivery(DeliveryOutcome.SENT)
    assert django_mail.outbox[0].to == ["bo@example.org"]


@pytest.mark.parametrize(
    ("address", "allow", "expected"),
    [
        ("a@example.com", [], True),
        ("a@example.com", ["example.com"], True),
        ("a@Example.COM", ["@EXAMPLE.com"], True),
        ("a@example.com", ["other.com", " example.com "], True),
        ("A@example.com", ["a@Example.com"], True),
        ("a@bücher.example", ["xn--bcher-kva.example"], True),
        ("a@localhost", ["localhost"], True),
        ("b@example.com", ["a@example.com"], False),
        ("a@sub.example.com", ["example.com"], False),
        ("a@notexample.com", ["example.com"], False),
        ("a@example.com", ["com"], False),
        ("a@example.com", [""], False),
        ("a@example.com", ["@"], False),
        ("nonsense", [""], False),
    ],
)
def test_mail_goes_only_where_the_operator_allows(
    address: str, allow: list[str], expected: bool
) -> None:
    assert is_allowed(address, allow) is expected


def test_a_delivery_service_is_given_the_id_that_it_reports_back(settings: Settings) -> None:
    pytest.importorskip("anymail", reason="the extra is not installed")
    answer = b'{"ErrorCode": 0, "Message": "OK", "MessageID": "theirs", "To": "bo@example.org"}'

    with web_servers.serve(Receiver(content=answer)) as service:
        settings.EMAIL_BACKEND = "anymail.backends.postmark.EmailBackend"
        settings.ANYMAIL = {
            "POSTMARK_SERVER_TOKEN": "t",
            "POSTMARK_API_URL": f"http://127.0.0.1:{service.port}/",
        }
        with Mailer() as mailer:
            delivery = mailer.send(message(message_id="<0123abc@mail.example.com>"))

    ((_, _, body),) = service.asked
    assert delivery.outcome is DeliveryOutcome.SENT
    assert json.loads(body)["Metadata"] == {REPORTED_ID: "0123abc"}
