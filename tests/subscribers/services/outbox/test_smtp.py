"""What is known of a mail after each way in which an SMTP server may behave."""

import time
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from pytest_django.fixtures import Settings

from config import mail_env
from subscribers.services.outbox import delivery
from subscribers.services.outbox.delivery import Delivery, DeliveryOutcome, Mailer
from tests.support import smtp_servers
from tests.support.ports import free_port
from tests.support.smtp_servers import CLOSE, DRIP, ENDLESS, HANG, MOST_PUSHED, message


def parsed(content: bytes) -> EmailMessage:
    read = message_from_bytes(content, policy=policy.default)
    assert isinstance(read, EmailMessage)
    return read


@pytest.fixture
def to_port(settings: Settings) -> Any:
    """Point Django's SMTP backend to a port of this machine."""

    def choose(port: int) -> None:
        settings.EMAIL_BACKEND = mail_env.SMTP_BACKEND
        settings.EMAIL_HOST = "127.0.0.1"
        settings.EMAIL_PORT = port
        settings.EMAIL_TIMEOUT = 0.5

    return choose


class Keeper:
    """Keeps what aiosmtpd was given."""

    def __init__(self) -> None:
        self.peers: set[object] = set()
        self.envelopes: list[Envelope] = []

    async def handle_DATA(  # noqa: N802 - its name in aiosmtpd
        self, _server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        self.peers.add(session.peer)
        self.envelopes.append(envelope)
        return "250 taken"


def test_many_mails_go_over_one_connection_to_a_real_server(to_port: Any) -> None:
    keeper = Keeper()
    controller = Controller(keeper, hostname="127.0.0.1", port=free_port())
    controller.start()
    to_port(controller.port)

    try:
        with Mailer() as mailer:
            outcomes = [
                mailer.send(message(recipient=f"p{number}@bücher.example")).outcome
                for number in range(5)
            ]
    finally:
        controller.stop()

    assert outcomes == [DeliveryOutcome.SENT] * 5
    assert len(keeper.peers) == 1
    assert keeper.envelopes[0].mail_from == "ada@example.com"
    assert keeper.envelopes[4].rcpt_tos == ["p4@xn--bcher-kva.example"]


def test_a_mail_arrives_as_it_was_written(to_port: Any) -> None:
    given = message(subject="Grüße", text="Hi\n.\n..dots\rend ü", reply_to="re@example.com")

    with smtp_servers.serve() as server:
        to_port(server.port)
        with Mailer() as mailer:
            handed_over = mailer.send(given)

    sent = server.messages[0]
    assert handed_over == Delivery(DeliveryOutcome.SENT, code=250)
    assert sent.count(b"\n") == sent.count(b"\r\n") == sent.count(b"\r")
    assert sent.count(b"\r\n.\r\n") == 1
    read = parsed(sent.removesuffix(b".\r\n").replace(b"\r\n..", b"\r\n."))
    assert read["Message-ID"] == "<1@mail.example.com>"
    assert read["Subject"] == "Grüße"
    assert read["Reply-To"] == "re@example.com"
    part = read.get_body(("plain",))
    assert part is not None
    assert part.get_content().splitlines() == ["Hi", ".", "..dots", "end ü"]


@pytest.mark.parametrize(
    ("verb", "said", "outcome", "code"),
    [
        ("CONN", CLOSE, DeliveryOutcome.DEFERRED, None),
        ("CONN", HANG, DeliveryOutcome.DEFERRED, None),
        ("CONN", b"554 not you", DeliveryOutcome.DEFERRED, 554),
        ("CONN", b"421 busy", DeliveryOutcome.DEFERRED, 421),
        ("EHLO", CLOSE, DeliveryOutcome.DEFERRED, None),
        ("MAIL", CLOSE, DeliveryOutcome.DEFERRED, None),
        ("MAIL", HANG, DeliveryOutcome.DEFERRED, None),
        ("MAIL", b"451 later", DeliveryOutcome.DEFERRED, 451),
        ("MAIL", b"550 your sender is unknown", DeliveryOutcome.DEFERRED, 550),
        ("MAIL", b"530 log in first", DeliveryOutcome.DEFERRED, 530),
        ("MAIL", b"552 too large", DeliveryOutcome.REFUSED, 552),
        ("RCPT", CLOSE, DeliveryOutcome.DEFERRED, None),
        ("RCPT", HANG, DeliveryOutcome.DEFERRED, None),
        ("RCPT", b"450 later", DeliveryOutcome.DEFERRED, 450),
        ("RCPT", b"421 later", DeliveryOutcome.DEFERRED, 421),
        ("RCPT", b"550 nobody", DeliveryOutcome.REFUSED, 550),
        ("RCPT", b"530 log in first", DeliveryOutcome.DEFERRED, 530),
        ("RCPT", b"nonsense", DeliveryOutcome.DEFERRED, None),
        ("DATA", CLOSE, DeliveryOutcome.DEFERRED, None),
        ("DATA", HANG, DeliveryOutcome.DEFERRED, None),
        ("DATA", b"451 later", DeliveryOutcome.DEFERRED, 451),
        ("DATA", b"554 no", DeliveryOutcome.REFUSED, 554),
        ("DATA", b"250 what", DeliveryOutcome.DEFERRED, 250),
        ("MESSAGE", CLOSE, DeliveryOutcome.UNKNOWN, None),
        ("MESSAGE", HANG, DeliveryOutcome.UNKNOWN, None),
        ("MESSAGE", b"nonsense", DeliveryOutcome.UNKNOWN, None),
        ("MESSAGE", b"354 again", DeliveryOutcome.UNKNOWN, None),
        ("MESSAGE", b"451 later", DeliveryOutcome.DEFERRED, 451),
        ("MESSAGE", b"421 later", DeliveryOutcome.DEFERRED, 421),
        ("MESSAGE", b"554 spam", DeliveryOutcome.REFUSED, 554),
        ("MESSAGE", b"250 taken", DeliveryOutcome.SENT, 250),
    ],
)
def test_an_outcome_says_what_the_server_did_and_the_next_mail_goes(
    to_port: Any, verb: str, said: bytes, outcome: DeliveryOutcome, code: int | None
) -> None:
    def misbehave_once(at: str, connections: int, mails: int) -> bytes | None:
        is_first = connections == 1 if verb in {"CONN", "EHLO"} else mails == 1
        return said if at[: len(verb)] == verb and is_first else None

    with smtp_servers.serve(misbehave_once) as server:
        to_port(server.port)
        with Mailer() as mailer:
            handed_over = mailer.send(message())
            after = mailer.send(message())

    assert (handed_over.outcome, handed_over.code) == (outcome, code)
    assert bool(handed_over.error) == (outcome is not DeliveryOutcome.SENT)
    assert after.outcome is DeliveryOutcome.SENT


def test_a_refusal_keeps_the_connection(to_port: Any) -> None:
    def refuse(verb: str, _connections: int, mails: int) -> bytes | None:
        return b"550 5.1.1 nobody\twith\x01 this name" if (verb, mails) == ("RCPT", 1) else None

    with smtp_servers.serve(refuse) as server:
        to_port(server.port)
        with Mailer() as mailer:
            refused = mailer.send(message())
            mailer.send(message())

    assert refused.error == "550 5.1.1 nobody with this name"
    assert server.connections == 1


@pytest.mark.parametrize("said", [CLOSE, b"421 too many mails"])
def test_a_connection_dropped_between_mails_is_opened_again(to_port: Any, said: bytes) -> None:
    def leave(verb: str, connections: int, mails: int) -> bytes | None:
        return said if (verb, connections, mails) == ("MAIL", 1, 2) else None

    with smtp_servers.serve(leave) as server:
        to_port(server.port)
        with Mailer() as mailer:
            outcomes = [mailer.send(message()).outcome for _ in range(3)]

    assert outcomes == [DeliveryOutcome.SENT] * 3
    assert server.connections == 2
    assert len(server.messages) == 3


def test_a_connection_is_opened_again_once_for_a_mail(to_port: Any) -> None:
    def leave(verb: str, _connections: int, mails: int) -> bytes | None:
        return CLOSE if verb == "MAIL" and mails >= 2 else None

    with smtp_servers.serve(leave) as server:
        to_port(server.port)
        with Mailer() as mailer:
            outcomes = [mailer.send(message()).outcome for _ in range(2)]

    assert outcomes == [DeliveryOutcome.SENT, DeliveryOutcome.DEFERRED]
    assert server.connections == 2


def test_a_mail_whose_answer_was_lost_is_not_sent_again(to_port: Any) -> None:
    def forget(verb: str, _connections: int, mails: int) -> bytes | None:
        return CLOSE if (verb, mails) == ("MESSAGE", 2) else None

    with smtp_servers.serve(forget) as server:
        to_port(server.port)
        with Mailer() as mailer:
            outcomes = [mailer.send(message()).outcome for _ in range(2)]

    assert outcomes == [DeliveryOutcome.SENT, DeliveryOutcome.UNKNOWN]
    assert len(server.messages) == 2


def test_a_server_that_does_not_listen_defers(to_port: Any) -> None:
    to_port(free_port())

    with Mailer() as mailer:
        handed_over = mailer.send(message())

    assert handed_over.outcome is DeliveryOutcome.DEFERRED
    assert "refused" in handed_over.error


def test_without_a_setting_a_server_is_not_waited_for_for_ever(
    to_port: Any, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "_TIMEOUT_SECONDS", 0.3)

    with smtp_servers.serve(lambda verb, *_: HANG if verb == "RCPT" else None) as server:
        to_port(server.port)
        settings.EMAIL_TIMEOUT = None
        began = time.monotonic()
        with Mailer() as mailer:
            outcome = mailer.send(message()).outcome

    assert outcome is DeliveryOutcome.DEFERRED
    assert time.monotonic() - began < 4


def test_a_failed_log_in_defers_without_the_password(to_port: Any, settings: Settings) -> None:
    def refuse(verb: str, _connections: int, _mails: int) -> bytes | None:
        return {"EHLO": b"250-here\r\n250 AUTH PLAIN", "AUTH": b"535 wrong"}.get(verb)

    with smtp_servers.serve(refuse) as server:
        to_port(server.port)
        settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD = "ada", "hunter2"
        with Mailer() as mailer:
            deliveries = [mailer.send(message()) for _ in range(2)]

    assert (
        deliveries
        == [Delivery(DeliveryOutcome.DEFERRED, "535 wrong", 535, is_unreachable=True)] * 2
    )
    assert server.connections == 2


def test_what_the_server_can_do_is_used(to_port: Any) -> None:
    def extend(verb: str, _connections: int, _mails: int) -> bytes | None:
        return b"250-here\r\n250-SIZE 1000000\r\n250 8BITMIME" if verb == "EHLO" else None

    with smtp_servers.serve(extend) as server:
        to_port(server.port)
        with Mailer() as mailer:
            mailer.send(message(text="ü"))

    size = len(server.messages[0])
    begun = next(verb for verb in server.verbs if verb.upper().startswith("MAIL"))
    assert begun.lower() == f"mail from:<ada@example.com> size={size} body=8bitmime"


@pytest.mark.parametrize("said", [CLOSE, HANG, b"500 no"])
def test_a_goodbye_that_fails_raises_nothing(to_port: Any, settings: Settings, said: bytes) -> None:
    began = time.monotonic()

    with smtp_servers.serve(lambda verb, *_: said if verb == "QUIT" else None) as server:
        to_port(server.port)
        settings.EMAIL_TIMEOUT = 30
        with Mailer() as mailer:
            handed_over = mailer.send(message())
        elapsed = time.monotonic() - began

    assert handed_over.outcome is DeliveryOutcome.SENT
    assert elapsed < 4


@pytest.mark.parametrize("said", [ENDLESS, DRIP])
@pytest.mark.parametrize("where", ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "MESSAGE"])
def test_a_reply_without_an_end_is_not_read_on(to_port: Any, said: bytes, where: str) -> None:
    with smtp_servers.serve(lambda verb, *_: said if verb == where else None) as server:
        to_port(server.port)
        with Mailer() as mailer:
            handed_over = mailer.send(message())

    is_after_the_message = where == "MESSAGE"
    expected = DeliveryOutcome.UNKNOWN if is_after_the_message else DeliveryOutcome.DEFERRED
    assert handed_over.outcome is expected
    assert "The mail server's reply did not end within" in handed_over.error
    assert handed_over.is_unreachable is (where in {"CONNECT", "EHLO"})
    # What the sockets hold; it would go on for ever.
    assert server.pushed < MOST_PUSHED / 2


@pytest.mark.parametrize("said", [ENDLESS, DRIP])
def test_a_goodbye_without_an_end_is_not_read_on(to_port: Any, said: bytes) -> None:
    with smtp_servers.serve(lambda verb, *_: said if verb == "QUIT" else None) as server:
        to_port(server.port)
        with Mailer() as mailer:
            handed_over = mailer.send(message())

    assert handed_over.outcome is DeliveryOutcome.SENT
    assert server.pushed < MOST_PUSHED / 2


def test_a_long_reply_and_a_slow_one_are_read(to_port: Any) -> None:
    lines = b"".join(b"250-LINE%d\r\n" % number for number in range(1000)) + b"250 SIZE 9999"

    def say(verb: str, _connections: int, _mails: int) -> bytes | None:
        time.sleep(0.2)
        return lines if verb == "EHLO" else None

    with smtp_servers.serve(say) as server:
        to_port(server.port)
        with Mailer() as mailer:
            handed_over = [mailer.send(message()) for _ in range(2)]

    assert {each.outcome for each in handed_over} == {DeliveryOutcome.SENT}


@pytest.mark.parametrize(
    "changes",
    [
        {"recipient": "nobody"},
        {"recipient": "a@example.com\r\nBcc: b@example.com"},
        {"recipient": "ü@example.com"},
        {"recipient": ""},
        {"sender": "Ada"},
        {"text": "half a pair \ud800"},
    ],
)
def test_a_mail_that_cannot_be_written_is_refused(to_port: Any, changes: dict[str, str]) -> None:
    with smtp_servers.serve() as server:
        to_port(server.port)
        with Mailer() as mailer:
            handed_over = mailer.send(message(**changes))

    assert handed_over.outcome is DeliveryOutcome.REFUSED
    assert "cannot be written" in handed_over.error
    assert server.messages == []


def test_a_sender_of_this_machine_is_taken(to_port: Any) -> None:
    with smtp_servers.serve() as server:
        to_port(server.port)
        with Mailer() as mailer:
            handed_over = mailer.send(message(sender="Cueline <root@localhost>"))

    assert handed_over.outcome is DeliveryOutcome.SENT


@pytest.mark.parametrize(
    ("verb", "said", "is_bad"),
    [
        ("RCPT", b"550 nobody", True),
        ("RCPT", b"550-5.1.1 No such user\r\n550 5.1.1 See https://example.com", True),
        ("RCPT", b"550 5.7.1 Relaying denied", False),
        ("RCPT", b"450 4.1.1 later", False),
        ("RCPT", b"552 full", False),
        ("MAIL", b"550 5.1.1 you", False),
        ("DATA", b"550 5.1.1 nobody", False),
        ("MESSAGE", b"550 5.1.1 nobody", False),
        ("MESSAGE", b"250 taken", False),
    ],
)
def test_a_delivery_says_whether_there_is_no_such_recipient(
    to_port: Any, verb: str, said: bytes, is_bad: bool
) -> None:
    def refuse(at: str, _connections: int, _mails: int) -> bytes | None:
        return said if at == verb else None

    with smtp_servers.serve(refuse) as server:
        to_port(server.port)
        with Mailer() as mailer:
            handed_over = mailer.send(message())

    assert handed_over.is_bad_recipient is is_bad
