"""The bounce mailbox, with a real IMAP server: what is used and deleted, and what harms nothing."""

import logging
import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from pytest_django.fixtures import Settings

from events.services.doctor import surroundings
from events.worker.mailbox import MailboxReader
from subscribers.models import OutgoingEmail, Subscriber, Suppression
from subscribers.services.audits.audits import Audit
from subscribers.services.dispatch import bounce_mailbox, returned
from subscribers.services.dispatch.bounce_mailbox import MailboxAway, MailboxRun
from tests import factories
from tests.subscribers.services.dispatch.test_notices import odd_mails
from tests.support import dovecot, returned_mail
from tests.support.dovecot import Dovecot
from tests.support.ports import free_port
from tests.support.returned_mail import RETURN_PATH, UNSUBSCRIBE, dsn, plain

pytestmark = [dovecot.needs_dovecot, pytest.mark.django_db(transaction=True)]
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def started() -> Iterator[Dovecot]:
    with dovecot.running() as server:
        yield server


@pytest.fixture
def server(started: Dovecot, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Dovecot:
    """The server with an empty mailbox, named by the settings."""
    for each in started.mails.glob("[nc][eu][wr]/*"):
        each.unlink()
    monkeypatch.setenv("SSL_CERT_FILE", str(started.authority))
    settings.RETURN_PATH, settings.UNSUBSCRIBE_MAILTO = RETURN_PATH, UNSUBSCRIBE
    settings.BOUNCE_MAILBOX = started.mailbox
    return started


@pytest.fixture
def email() -> OutgoingEmail:
    person = factories.SubscriberFactory.create(email="ada@example.org")
    return factories.OutgoingEmailFactory.create(subscriber=person, sent=True)


def read(server: Dovecot) -> MailboxRun:
    return bounce_mailbox.read(mailbox=server.mailbox, clock=lambda: NOON)


def test_a_hard_bounce_suppresses_and_is_deleted_and_a_forged_one_stays(
    server: Dovecot, email: OutgoingEmail
) -> None:
    forged = dsn("bounces@mail.example.com", returned=f"To: {email.recipient}\n\n")
    stranger = factories.SubscriberFactory.create()
    server.deliver(
        forged,
        dsn(returned_mail.address_of(email)),
        plain(returned_mail.leaving_address_of(stranger), ""),
    )
    out = StringIO()

    call_command("read_bounces", stdout=out)

    assert out.getvalue() == "Read 3 mails, 2 of them were used and deleted.\n"
    assert Suppression.objects.get().email == "ada@example.org"
    assert Subscriber.objects.get(pk=stranger.pk).status == "unsubscribed"
    # Only the forged one is left, seen, and not read again.
    assert server.flags() == ["S"]
    assert read(server) == MailboxRun(read=0, used=0)


def test_odd_mails_and_one_of_20_mb_stop_nothing(server: Dovecot, email: OutgoingEmail) -> None:
    large = dsn(returned_mail.address_of(email), returned="x" * (20 * 1024 * 1024))
    odd = [each for each in odd_mails()[:36] if len(each) < 1024 * 1024]
    server.deliver(*odd, large)

    run = read(server)

    assert (run.read, run.used) == (len(odd) + 1, 1)
    assert Suppression.objects.count() == 1
    assert len(server.flags()) == len(odd)


def test_a_mail_is_read_again_after_a_crash(
    server: Dovecot, email: OutgoingEmail, monkeypatch: pytest.MonkeyPatch
) -> None:
    class PowerCut(BaseException):
        pass

    def cut(*_: object, **__: object) -> None:
        raise PowerCut

    server.deliver(dsn(returned_mail.address_of(email)))
    with monkeypatch.context() as patch:
        patch.setattr(bounce_mailbox, "_mark", cut)
        with pytest.raises(PowerCut):
            read(server)

    assert read(server) == MailboxRun(read=1, used=1)
    assert Suppression.objects.get().bounces == 1
    assert server.flags() == []


def test_a_run_has_a_limit_of_mails(
    server: Dovecot, email: OutgoingEmail, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounce_mailbox, "MOST_MAILS", 2)
    server.deliver(plain("a@x.example", "1"), plain("a@x.example", "2"), dsn("b@x.example"))

    assert [read(server).read, read(server).read] == [2, 1]


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"password": "wrong"}, "AUTHENTICATIONFAILED"), ({"folder": "No such"}, "Mailbox doesn't")],
)
def test_a_mailbox_that_cannot_be_read_says_why_without_its_password(
    server: Dovecot, settings: Settings, changes: dict[str, Any], words: str
) -> None:
    settings.BOUNCE_MAILBOX = replace(server.mailbox, **changes)

    with pytest.raises(CommandError, match=words) as refused:
        call_command("read_bounces")

    assert "wrong" not in str(refused.value)


def test_a_certificate_that_nobody_signed_is_refused(
    server: Dovecot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", os.devnull)

    with pytest.raises(MailboxAway, match="CERTIFICATE_VERIFY_FAILED"):
        read(server)


def test_the_worker_reads_the_mailbox_and_says_once_that_it_cannot(
    server: Dovecot,
    settings: Settings,
    email: OutgoingEmail,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, logger="cueline.bounces")
    server.deliver(dsn(returned_mail.address_of(email)))
    away = replace(server.mailbox, port=free_port())
    reader = MailboxReader()

    for mailbox, moment in ((away, 60), (away, 120), (away, 121), (server.mailbox, 180)):
        settings.BOUNCE_MAILBOX = mailbox
        reader.start(moment=moment)
        reader.join()

    assert Suppression.objects.count() == 1
    said = [record.getMessage() for record in caplog.records]
    assert "cannot be read: 127.0.0.1" in said[0]
    assert said[1:] == [
        "The bounce mailbox can be read again.",
        "Mails that came back: 1 of 1 were used.",
    ]


def test_the_doctor_signs_in_and_changes_nothing(server: Dovecot, settings: Settings) -> None:
    audit = Audit(now=NOON)
    settings.RETURN_PATH = ""
    server.deliver(dsn("x@y.example"))

    assert surroundings.bounces(audit) == []
    settings.BOUNCE_MAILBOX = replace(server.mailbox, password="wrong")
    (found,) = surroundings.bounces(audit)

    assert found.what.startswith("The bounce mailbox cannot be read: 127.0.0.1")
    assert server.flags() == [""]


def test_no_transaction_is_open_while_the_server_answers(
    server: Dovecot, email: OutgoingEmail, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = returned.take
    seen = []

    def watched(*, content: bytes, now: datetime) -> bool:
        seen.append(connection.in_atomic_block)
        return taken(content=content, now=now)

    monkeypatch.setattr(returned, "take", watched)
    server.deliver(dsn(returned_mail.address_of(email)))

    assert read(server).used == 1
    assert seen == [False]
