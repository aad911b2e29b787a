"""The envelope sender of mails, at a real SMTP server and for other backends."""

import re
from typing import Any

import pytest
from django.core.mail.backends.base import BaseEmailBackend
from pytest_django.fixtures import Settings

from events.services.doctor import surroundings
from subscribers.models import OutgoingEmail, Workspace
from subscribers.services.audits.audits import Audit
from subscribers.services.dispatch import queue, returned
from subscribers.services.outbox import return_path
from subscribers.services.outbox.delivery import Mailer
from tests import factories
from tests.support.engine_running import advance_claimed, enrollment_of
from tests.support.returned_mail import RETURN_PATH, dsn
from tests.support.sequence_making import MAIL, NOON, make_sequence
from tests.support.smtp_servers import SmtpServer, message, serve
from tests.support.time_travel import TimeTravel

pytestmark = pytest.mark.django_db
WHOLE = re.compile(r"MAIL FROM:<(bounces\+[a-z2-7]{42}@mail\.example\.com)>.*", re.IGNORECASE)


@pytest.fixture(autouse=True)
def pattern(settings: Settings) -> None:
    settings.RETURN_PATH = RETURN_PATH


@pytest.fixture
def travel() -> TimeTravel:
    return TimeTravel(NOON)


def use(settings: Settings, server: SmtpServer) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port


def sender_in(server: SmtpServer) -> str:
    (said,) = (verb for verb in server.verbs if verb.upper().startswith("MAIL"))
    found = WHOLE.fullmatch(said)
    assert found is not None, said
    return found[1]


def test_a_mail_of_a_sequence_comes_back_by_its_token(
    settings: Settings, workspace: Workspace, travel: TimeTravel
) -> None:
    enrollment = enrollment_of(make_sequence(workspace, MAIL))

    with serve() as server:
        use(settings, server)
        advance_claimed(travel)

    (content,) = server.messages
    assert b"\r\nFrom: Acme <news@example.com>\r\n" in content
    assert b"bounces+" not in content
    assert returned.take(content=dsn(sender_in(server)), now=NOON)
    enrollment.subscriber.refresh_from_db()
    assert enrollment.subscriber.status == "bounced"


def test_a_queued_mail_has_its_own_envelope_sender(settings: Settings) -> None:
    email = factories.OutgoingEmailFactory.create(due_at=NOON)
    claimed = queue.claim_queued(now=NOON)
    assert claimed is not None

    with serve() as server:
        use(settings, server)
        queue.send_queued(token=claimed.token, ids=claimed.ids, clock=lambda: NOON)

    assert sender_in(server) == return_path.address_of(email_id=email.pk, workspace=email.workspace)


def test_without_the_setting_it_is_the_from_address(settings: Settings) -> None:
    settings.RETURN_PATH = ""
    factories.OutgoingEmailFactory.create(due_at=NOON, sender="Ada <ada@example.com>")
    claimed = queue.claim_queued(now=NOON)
    assert claimed is not None

    with serve() as server:
        use(settings, server)
        queue.send_queued(token=claimed.token, ids=claimed.ids, clock=lambda: NOON)

    assert any(each.upper().startswith("MAIL FROM:<ADA@EXAMPLE.COM>") for each in server.verbs)


def test_tokens_differ_between_mails_and_cannot_be_derived(workspace: Workspace) -> None:
    other = factories.WorkspaceFactory.create()
    email = factories.OutgoingEmailFactory.create()

    made = {
        return_path.address_of(email_id=email_id, workspace=each)
        for email_id in (email.pk, OutgoingEmail(workspace=workspace).pk)
        for each in (workspace, other)
    }

    assert len(made) == 4


class ServiceBackend(BaseEmailBackend):
    """Shaped like anymail's."""

    esp_name = ""
    senders: list[str | None] = []  # noqa: RUF012 - a test's own

    def send_messages(self, email_messages: Any) -> int:
        self.senders.append(getattr(email_messages[0], "envelope_sender", None))
        return 1


@pytest.mark.parametrize(
    ("name", "is_used"), [("Amazon SES", True), ("SparkPost", True), ("Postmark", False)]
)
def test_a_service_gets_it_where_it_takes_one(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, name: str, *, is_used: bool
) -> None:
    settings.EMAIL_BACKEND = f"{__name__}.ServiceBackend"
    monkeypatch.setattr(ServiceBackend, "esp_name", name)
    monkeypatch.setattr(ServiceBackend, "senders", [])

    with Mailer() as mailer:
        mailer.send(message(return_path="b@mail.example.com"))

    assert ServiceBackend.senders == (["b@mail.example.com"] if is_used else [None])
    said = [each.what for each in surroundings.bounces(Audit(now=NOON))]
    assert said == ([] if is_used else [f"RETURN_PATH is not used by {__name__}.ServiceBackend"])
