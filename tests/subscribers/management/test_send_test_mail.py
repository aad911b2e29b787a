"""`send_test_mail`: with a real SMTP server, what it prints for every outcome."""

import email
import email.policy
import logging
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from django.core.management import CommandError, call_command
from django.db import connection
from pytest_django.fixtures import Settings

from config import mail_env
from subscribers.models import Workspace
from subscribers.services.workspaces import workspaces
from tests.support.ports import free_port
from tests.support.smtp_servers import CLOSE, serve


class Inbox:
    """Keeps what a server takes; refuses one recipient for good and one for now."""

    def __init__(self) -> None:
        self.envelopes: list[Envelope] = []

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self,
        _server: SMTP,
        _session: Session,
        envelope: Envelope,
        address: str,
        _options: list[str],
    ) -> str:
        """Answer for a recipient."""
        if address.startswith("nobody@"):
            return "550 5.1.1 no such user here"
        if address.startswith("full@"):
            return "452 4.2.2 the mailbox is full"
        envelope.rcpt_tos.append(address)
        return "250 fine"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        """Keep the message."""
        self.envelopes.append(envelope)
        return "250 taken"


@pytest.fixture
def acme(db: None) -> Workspace:
    """A workspace that can send."""
    made = workspaces.create(name="Acme", from_email="hello@acme.example")
    made.from_name = "Ada at Acme"
    made.save(update_fields=["from_name"])
    return made


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Controller]:
    """A real SMTP server on a free port of this machine."""
    monkeypatch.setattr(logging.getLogger("mail.log"), "disabled", True)
    running = Controller(Inbox(), hostname="127.0.0.1", port=free_port())
    running.start()
    yield running
    running.stop()


@pytest.fixture
def inbox(server: Controller, settings: Settings) -> Inbox:
    """What the server takes from this process."""
    use(settings, server.port)
    kept: Inbox = server.handler
    return kept


def use(settings: Settings, port: int) -> None:
    """Point Django at a server of this machine."""
    settings.EMAIL_BACKEND = mail_env.SMTP_BACKEND
    settings.EMAIL_HOST = "127.0.0.1"
    settings.EMAIL_PORT = port
    settings.EMAIL_TIMEOUT = 5


def run(*arguments: str) -> str:
    """Run the command and return what it prints."""
    output = StringIO()
    call_command("send_test_mail", *arguments, stdout=output)
    return output.getvalue()


def test_bounces_of_the_mail_come_to_the_return_path(
    acme: Workspace, inbox: Inbox, settings: Settings
) -> None:
    settings.RETURN_PATH = "bounces+{token}@mail.example.com"

    run("bo@example.org")

    (envelope,) = inbox.envelopes
    mail = email.message_from_bytes(envelope.content)  # type: ignore[arg-type]  # as below
    assert re.fullmatch(r"bounces\+[a-z2-7]{42}@mail\.example\.com", envelope.mail_from or "")
    assert mail["From"] == "Ada at Acme <hello@acme.example>"


def test_the_mail_arrives_and_the_command_says_who_took_it(acme: Workspace, inbox: Inbox) -> None:
    printed = run("bo@example.org")

    (envelope,) = inbox.envelopes
    assert envelope.mail_from == "hello@acme.example"
    assert envelope.rcpt_tos == ["bo@example.org"]
    mail: Any = email.message_from_bytes(envelope.content, policy=email.policy.default)  # type: ignore[arg-type]  # aiosmtpd: bytes or text
    assert mail["From"] == "Ada at Acme <hello@acme.example>"
    assert mail["To"] == "bo@example.org"
    assert mail["Subject"] == "Test mail from Acme"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Message-ID"].endswith("@acme.example>")
    assert mail["Date"]
    assert "UTC" in mail.get_content()
    assert printed.startswith("Sent: 127.0.0.1:")
    assert printed.endswith(" took the mail to bo@example.org.\n")


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("nobody@example.org", r"Refused for good: 550 5\.1\.1 no such user here"),
        ("full@example.org", r"Not taken now .*: 452 4\.2\.2 the mailbox is full"),
    ],
)
def test_the_server_s_words_are_repeated(
    acme: Workspace, inbox: Inbox, address: str, said: str
) -> None:
    with pytest.raises(CommandError, match=said):
        run(address)

    assert inbox.envelopes == []


def test_a_server_that_hangs_up_after_the_data_leaves_it_unknown(
    acme: Workspace, settings: Settings
) -> None:
    with serve(lambda verb, *_: CLOSE if verb == "MESSAGE" else None) as server:
        use(settings, server.port)

        with pytest.raises(CommandError, match="Unknown, it may have arrived: "):
            run("bo@example.org")


def test_a_server_that_is_away_is_said(acme: Workspace, settings: Settings) -> None:
    with serve() as server:
        port = server.port
    use(settings, port)

    with pytest.raises(CommandError, match=r"Not taken now .*refused"):
        run("bo@example.org")


@pytest.mark.parametrize(
    ("brake", "said"),
    [
        ({"EMAIL_ALLOW": ["example.com"]}, "EMAIL_ALLOW does not let mail go to bo@example.org"),
        ({"MAIL_PAUSED": True}, "MAIL_PAUSED stops all mail"),
        ({}, "mail of the workspace acme is paused"),
    ],
)
def test_a_brake_is_said_and_nothing_sent(
    acme: Workspace, inbox: Inbox, settings: Settings, brake: dict[str, Any], said: str
) -> None:
    for name, value in brake.items():
        setattr(settings, name, value)
    Workspace.objects.update(is_mail_paused=not brake)

    with pytest.raises(CommandError, match=f"Not sent: {said}"):
        run("bo@example.org")

    assert inbox.envelopes == []


def test_whom_the_list_allows_gets_it(acme: Workspace, inbox: Inbox, settings: Settings) -> None:
    settings.EMAIL_ALLOW = ["example.org"]

    run("bo@example.org")

    assert len(inbox.envelopes) == 1


def test_mail_that_becomes_files_is_said_to_be_there(
    acme: Workspace, settings: Settings, tmp_path: Path
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    settings.EMAIL_FILE_PATH = str(tmp_path)

    printed = run("bo@example.org")

    assert str(tmp_path) in printed
    assert "Test mail from Acme" in next(tmp_path.iterdir()).read_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["bo@example.org", "--workspace", "nowhere"], "no workspace with the slug 'nowhere'"),
        (["bo@example.org"], "several workspaces"),
        (["nobody", "--workspace", "acme"], "ADDRESS is not a valid address"),
        (["bo@example.org", "--workspace", "other"], "other has no address that mail comes from"),
    ],
)
def test_what_it_cannot_work_with_is_named(
    acme: Workspace, inbox: Inbox, arguments: list[str], said: str
) -> None:
    workspaces.create(name="Other")

    with pytest.raises(CommandError, match=said):
        run(*arguments)

    assert inbox.envelopes == []


@pytest.mark.django_db
def test_without_a_workspace_it_says_how_to_make_one() -> None:
    with pytest.raises(CommandError, match="create_workspace"):
        run("bo@example.org")


@pytest.mark.live
@pytest.mark.xdist_group("commands")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("address", "code"), [("bo@example.org", 0), ("nobody@example.org", 1)])
def test_the_exit_code_says_how_it_ended(server: Controller, address: str, code: int) -> None:
    workspaces.create(name="Acme", from_email="hello@acme.example")
    start = (
        "import sys; from django.conf import settings;"
        " settings.DATABASES['default']['NAME'] = sys.argv.pop(1);"
        " from django.core.management import execute_from_command_line;"
        " execute_from_command_line(sys.argv)"
    )

    done = subprocess.run(
        [sys.executable, "-c", start, connection.settings_dict["NAME"], "send_test_mail", address],
        env={**os.environ, "EMAIL_URL": f"smtp://127.0.0.1:{server.port}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert len(server.handler.envelopes) == 1 - code
