"""Posts of delivery services as they send them, read by the extra: who may, and what is made of it.

The shapes are those of the services' documentation.
"""

import base64
import json
import logging
from typing import Any

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from subscribers.models import MailActivity, OutgoingEmail, Subscriber, Suppression
from tests import factories

pytest.importorskip("anymail", reason="the extra is not installed")

pytestmark = pytest.mark.django_db
SECRET = "reports:correct-horse-battery"
POSTMARK = "/anymail/postmark/tracking/"
BOUNCE = {"RecordType": "Bounce", "Type": "HardBounce", "Email": "ada@example.com"}


@pytest.fixture(autouse=True)
def secret(settings: Settings) -> None:
    settings.ANYMAIL_WEBHOOK_SECRET = SECRET


@pytest.fixture
def email() -> OutgoingEmail:
    person = factories.SubscriberFactory.create(email="ada@example.com")
    email = factories.OutgoingEmailFactory.create(subscriber=person, sent=True)
    email.message_id = f"<{email.pk.hex}@example.com>"
    email.save(update_fields=["message_id"])
    return email


def basic(secret: str) -> str:
    return f"Basic {base64.b64encode(secret.encode()).decode()}"


def post(
    body: object, path: str = POSTMARK, *, secret: str = SECRET, content_type: str | None = None
) -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    client = Client(enforce_csrf_checks=True)
    return client.generic(
        "POST",
        path,
        raw,
        content_type=content_type or "application/json",
        headers={"Authorization": basic(secret)},
    )


def status_of(email: OutgoingEmail) -> str:
    return Subscriber.objects.get(pk=email.subscriber_id).status


@pytest.mark.parametrize(
    ("name", "body", "status"),
    [
        ("postmark", BOUNCE, "bounced"),
        ("postmark", {**BOUNCE, "Details": "smtp;550 5.1.1 User unknown"}, "bounced"),
        ("postmark", {**BOUNCE, "Type": "BadEmailAddress"}, "bounced"),
        ("postmark", {**BOUNCE, "Type": "SoftBounce"}, "active"),
        ("postmark", {**BOUNCE, "Type": "Transient"}, "active"),
        ("postmark", {**BOUNCE, "Type": "DMARCPolicy"}, "active"),
        ("postmark", {**BOUNCE, "Details": "smtp;552 5.2.2 Mailbox full"}, "active"),
        ("postmark", {**BOUNCE, "RecordType": "SpamComplaint", "Type": "SpamComplaint"},
         "complained"),
        ("postmark", {"RecordType": "Delivery", "Recipient": "ada@example.com"}, "active"),
        ("postmark", {"RecordType": "Open", "Recipient": "ada@example.com"}, "active"),
        (
            "postmark",
            {"RecordType": "SubscriptionChange", "Recipient": "ada@example.com",
             "SuppressSending": True, "SuppressionReason": "ManualSuppression"},
            "unsubscribed",
        ),
        ("brevo", {"event": "hard_bounce", "email": "ada@example.com"}, "bounced"),
        ("brevo", {"event": "soft_bounce", "email": "ada@example.com"}, "active"),
        ("brevo", {"event": "spam", "email": "ada@example.com"}, "complained"),
        (
            "mailjet",
            {"event": "bounce", "email": "ada@example.com", "error": "user unknown",
             "hard_bounce": True},
            "bounced",
        ),
        (
            "mailjet",
            {"event": "bounce", "email": "ada@example.com", "error": "quota exceeded",
             "hard_bounce": False},
            "active",
        ),
        (
            "sparkpost",
            [{"msys": {"message_event": {"type": "bounce", "bounce_class": "10",
                                         "raw_rcpt_to": "ada@example.com"}}}],
            "bounced",
        ),
        (
            "sparkpost",
            [{"msys": {"message_event": {"type": "bounce", "bounce_class": "22",
                                         "raw_rcpt_to": "ada@example.com"}}}],
            "active",
        ),
    ],
)  # fmt: skip
def test_a_report_changes_who_it_is_about(
    email: OutgoingEmail, name: str, body: object, status: str
) -> None:
    answer = post(body, f"/anymail/{name}/tracking/")

    assert (answer.status_code, answer.content) == (200, b"Taken.")
    assert status_of(email) == status


def test_what_a_server_said_is_kept(email: OutgoingEmail) -> None:
    post({**BOUNCE, "Description": "No such user.\n", "Details": "smtp;550 5.1.1\x00 Unknown"})

    stored = Suppression.objects.get()
    assert (stored.source, stored.reason) == ("webhook", "hard_bounce")
    assert stored.details == "smtp;550 5.1.1 Unknown No such user."


@pytest.mark.parametrize("where", ["metadata", "message id"])
def test_a_report_names_the_mail_by_the_id_that_we_gave_it(
    email: OutgoingEmail, settings: Settings, where: str
) -> None:
    factories.OutgoingEmailFactory.create(
        subscriber__email="ada@example.com", subscriber__workspace__name="Other", sent=True
    )
    given = (
        {"Metadata": {"cueline_id": email.pk.hex}, "MessageID": "their-own"}
        if where == "metadata"
        else {"MessageID": email.message_id}
    )

    post({**BOUNCE, **given})

    assert status_of(email) == "bounced"
    assert Suppression.objects.get().workspace == email.workspace


def test_a_delivery_settles_a_mail_of_which_nobody_knew(email: OutgoingEmail) -> None:
    OutgoingEmail.objects.update(status="unknown")

    post({"RecordType": "Delivery", "Recipient": "x", "Metadata": {"cueline_id": email.pk.hex}})

    email.refresh_from_db()
    assert email.status == "sent"


def test_what_became_of_a_mail_is_kept(email: OutgoingEmail) -> None:
    ours = {"Recipient": "x", "Metadata": {"cueline_id": email.pk.hex}}
    browser = {"UserAgent": "Mozilla/5.0", "ReceivedAt": "2026-11-24T16:33:54.9070259Z"}

    post({"RecordType": "Delivery", "DeliveredAt": "2026-11-05T16:33:54.9070259Z", **ours})
    post({"RecordType": "Open", **browser, **ours})
    post({"RecordType": "Click", "OriginalLink": "https://shop.example/", **browser, **ours})
    post({**BOUNCE, "Type": "SoftBounce", "Email": "x", **ours})
    post({**BOUNCE, "Email": "x", **ours})

    rows = MailActivity.objects.filter(email=email).order_by("id")
    assert list(rows.values_list("kind", "quality", "bounce_type", "url")) == [
        ("delivered", "", "", ""),
        ("opened", "machine", "", ""),
        ("clicked", "unknown", "", "https://shop.example/"),
        ("bounced", "", "soft", ""),
        ("bounced", "", "hard", ""),
    ]


@pytest.mark.parametrize(
    "authorization",
    [
        "", "Basic", "Basic !!!", f"Bearer {SECRET}", SECRET, basic("reports:wrong"),
        basic(SECRET.upper()), basic(SECRET + " "), f"Basic {'A' * 5000}", "Basic \u00e9",
    ],
)  # fmt: skip
def test_without_the_secret_nothing_is_read(email: OutgoingEmail, authorization: str) -> None:
    answer = Client().post(
        POSTMARK,
        json.dumps(BOUNCE),
        content_type="application/json",
        headers={"Authorization": authorization},
    )

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic ")
    assert status_of(email) == "active"


def test_where_no_secret_is_set_there_is_nothing(email: OutgoingEmail, settings: Settings) -> None:
    settings.ANYMAIL_WEBHOOK_SECRET = ""

    answers = [post(BOUNCE, secret=each).status_code for each in ("", ":", SECRET)]

    assert answers == [404] * 3
    assert status_of(email) == "active"


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"null", b"[]", b"3", b'"text"', b"\xff\xfe", b"[" * 100_000,
        b'{"RecordType": 7}', b'{"RecordType": ["Bounce"]}', b'{"RecordType": {}}',
        b'{"RecordType": "Bounce", "Type": {}, "Email": {"a": 1}}',
        b'{"RecordType": "Bounce", "Type": "HardBounce", "Email": 5, "Metadata": "x"}',
        b'{"RecordType": "Bounce", "Type": "HardBounce", "Email": "a\\u0000@example.com"}',
        b'{"RecordType": "Bounce", "Type": "HardBounce", "Email": "\\ud800@example.com"}',
        b'{"RecordType": "Bounce", "Type": "HardBounce", "BouncedAt": "never"}',
        b'{"RecordType": "Bounce", "Type": "HardBounce", "Metadata": {"cueline_id": [1]}}',
        b'{"RecordType": "Inbound"}', b'{"FromFull": {}}',
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", ["postmark", "brevo", "mailjet", "sparkpost", "resend", "nobody"])
def test_an_odd_post_is_no_fault_of_ours(email: OutgoingEmail, name: str, body: bytes) -> None:
    answer = post(body, f"/anymail/{name}/tracking/")

    assert answer.status_code in {200, 400, 404}
    assert status_of(email) == "active"


def test_a_service_whose_own_key_is_not_set_is_not_there(
    email: OutgoingEmail, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)

    answer = post({}, "/anymail/mailgun/tracking/")

    assert answer.status_code == 404
    assert "Reports of mailgun cannot be taken" in caplog.text


@pytest.mark.parametrize("path", ["/anymail/postmark/inbound/", "/anymail/postmark/", "/anymail/"])
def test_no_other_page_of_the_extra_is_served(email: OutgoingEmail, path: str) -> None:
    assert post(BOUNCE, path).status_code == 404


def test_looking_whether_somebody_is_there_changes_nothing() -> None:
    assert Client().head(POSTMARK).status_code == 200
    assert Client().get(POSTMARK).status_code == 405


def test_neither_log_nor_answer_has_the_secret_or_the_address(
    email: OutgoingEmail, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    answers = [post(BOUNCE), post(b"{"), post(BOUNCE, secret="reports:wrong-wrong-wrong")]

    said = caplog.text + "".join(answer.content.decode() for answer in answers)
    assert "correct-horse" not in said
    assert "ada@example.com" not in said
