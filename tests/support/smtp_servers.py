"""An SMTP server on this machine that misbehaves as it is told, and a mail for it."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from subscribers.services.outbox.delivery import Message

CLOSE = b"close"
HANG = b"hang"
# A reply without an end: line after line as fast as the client reads, or a character at a time.
ENDLESS = b"endless"
DRIP = b"drip"
MOST_PUSHED = 64 * 1024 * 1024
_LINES = b"250-and so on\r\n" * 4096

# Given a verb (`MESSAGE` is the end of the data) and how many connections and mails there were,
# itself included, returns what to say instead of the usual.
Plan = Callable[[str, int, int], bytes | None]

_USUAL = {
    "CONNECT": b"220 here",
    "EHLO": b"250 here",
    "DATA": b"354 go on",
    "MESSAGE": b"250 taken",
    "QUIT": b"221 bye",
}


@dataclass
class SmtpServer:
    """What a server saw; its plan says where it misbehaves."""

    plan: Plan
    port: int = 0
    connections: int = 0
    mails: int = 0
    verbs: list[str] = field(default_factory=list)
    messages: list[bytes] = field(default_factory=list)
    # Bytes of replies without an end.
    pushed: int = 0
    is_over: threading.Event = field(default_factory=threading.Event)

    def converse(self, connection: socket.socket, number: int) -> None:
        """Talk to one client until somebody leaves."""
        lines = connection.makefile("rb")
        with lines:
            if not self._reply(connection, "CONNECT", number):
                return
            for line in lines:
                verb = line[:4].decode("ascii").strip().upper()
                self.verbs.append(line.decode("ascii").strip())
                self.mails += verb == "MAIL"
                if not self._reply(connection, verb, number) or verb == "QUIT":
                    return
                if verb == "DATA" and self.plan(verb, number, self.mails) is None:
                    message = b""
                    while not message.endswith(b"\r\n.\r\n"):
                        line_of_message = lines.readline()
                        if not line_of_message:
                            return
                        message += line_of_message
                    self.messages.append(message)
                    if not self._reply(connection, "MESSAGE", number):
                        return

    def _reply(self, connection: socket.socket, verb: str, number: int) -> bool:
        said = self.plan(verb, number, self.mails)
        if said == HANG:
            self.is_over.wait(10)
        if said == ENDLESS:
            while self.pushed < MOST_PUSHED:
                connection.sendall(_LINES)
                self.pushed += len(_LINES)
        if said == DRIP:
            for _ in range(40):
                connection.sendall(b"2")
                self.is_over.wait(0.05)
        if said in {CLOSE, HANG, ENDLESS, DRIP}:
            return False
        connection.sendall((said or _USUAL.get(verb, b"250 fine")) + b"\r\n")
        return not (said or b"").startswith(b"421")


@contextlib.contextmanager
def serve(plan: Plan = lambda *_: None) -> Iterator[SmtpServer]:
    """Run a server on a free port until the block ends."""
    server = SmtpServer(plan=plan)
    threads: list[threading.Thread] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server.port = listening.getsockname()[1]

        def talk(connection: socket.socket, number: int) -> None:
            with contextlib.suppress(OSError), connection:
                server.converse(connection, number)

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listening.accept()
                    server.connections += 1
                    thread = threading.Thread(target=talk, args=(connection, server.connections))
                    threads.append(thread)
                    thread.start()

        accepting = threading.Thread(target=accept)
        accepting.start()
        try:
            yield server
        finally:
            server.is_over.set()
            listening.shutdown(socket.SHUT_RDWR)
            for thread in (accepting, *threads):
                thread.join(10)


def message(**changes: Any) -> Message:
    """Return a mail that is fine, but for what the test changes."""
    given: dict[str, Any] = {
        "message_id": "<1@mail.example.com>",
        "sender": "Ada <ada@example.com>",
        "recipient": "bo@example.org",
        "subject": "Hello",
        "html": "<p>Hi</p>",
        "text": "Hi",
    }
    return Message(**(given | changes))
