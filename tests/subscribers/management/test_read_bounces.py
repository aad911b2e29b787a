"""`read_bounces --stdin` as a mail server's pipe starts it: what it takes, and its exit codes."""

import os
import subprocess
import sys
from io import BytesIO, StringIO, TextIOWrapper

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from config.mail_env import Mailbox
from subscribers.models import Installation, Suppression
from tests import factories
from tests.factories.sequences import NOON
from tests.support import returned_mail
from tests.support.returned_mail import RETURN_PATH, dsn

pytestmark = pytest.mark.django_db


def pipe(content: bytes, monkeypatch: pytest.MonkeyPatch) -> str:
    output = StringIO()
    monkeypatch.setattr(sys, "stdin", TextIOWrapper(BytesIO(content)))
    call_command("read_bounces", "--stdin", stdout=output)
    # A mail server takes a pipe that is closed too early for a failure.
    assert sys.stdin.buffer.read() == b""
    return output.getvalue()


def test_a_bounce_is_taken_and_junk_is_well(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.RETURN_PATH = RETURN_PATH
    email = factories.OutgoingEmailFactory.create(sent=True)
    bounce = dsn(returned_mail.address_of(email), returned="x" * 2_000_000)

    assert pipe(b"\xff\0junk" * 1000, monkeypatch) == "The mail is no notice of ours.\n"
    assert pipe(b"", monkeypatch) == "The mail is no notice of ours.\n"
    assert pipe(bounce, monkeypatch) == "The mail was used.\n"
    assert Suppression.objects.get().email == email.recipient


def test_while_the_database_is_away_the_mail_server_tries_again(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder = tmp_path_factory.mktemp("data")
    address = RETURN_PATH.replace("{token}", "a" * 42)
    environment = {
        **os.environ,
        "DATA_DIR": str(folder),
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:9/none",
        "RETURN_PATH": RETURN_PATH,
    }
    command = [sys.executable, "manage.py", "read_bounces", "--stdin"]

    codes = [
        subprocess.run(
            command, input=content, env=environment, capture_output=True, check=False, timeout=60
        ).returncode
        for content in (dsn(address), b"junk")
    ]

    assert codes == [75, 0]


def test_a_restored_copy_leaves_the_mailbox_to_the_original(settings: Settings) -> None:
    settings.BOUNCE_MAILBOX = Mailbox(
        host="127.0.0.1", port=9, user="u", password="p", folder="INBOX", is_tls=True
    )
    Installation.objects.update_or_create(pk=1, defaults={"on_hold_since": NOON})

    with pytest.raises(CommandError, match="on hold"):
        call_command("read_bounces")


def test_without_a_mailbox_the_command_says_what_to_set(settings: Settings) -> None:
    settings.BOUNCE_MAILBOX = None

    with pytest.raises(CommandError, match="BOUNCE_MAILBOX_URL"):
        call_command("read_bounces")
