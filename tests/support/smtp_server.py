"""A real SMTP server on this machine that a test holds, cuts or lets refuse at the stage it names.

    with smtp_server.receiving(settings) as server:
        hold = server.hold(Stage.MESSAGE)
        ...  # a thread of the product sends
        hold.wait_until_reached()
        ...  # what happens meanwhile
        hold.release()

It counts what it took by Message-ID and recipient. A mail whose answer it holds back, or never
gives, counts as taken: the product cannot know better.
"""

import asyncio
import contextlib
import email
import logging
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum, StrEnum, auto

from aiosmtpd.smtp import SMTP, Envelope, Session
from pytest_django.fixtures import Settings

from config import mail_env
from events.services.engine import mail_breaker

# A line for every command of every client.
logging.getLogger("mail.log").setLevel(logging.WARNING)
SECONDS_TO_WAIT = 20.0
_POLL = 0.002


class Stage(StrEnum):
    """Where in the conversation something happens; before the usual answer."""

    GREETING = auto()
    MAIL = auto()
    RCPT = auto()
    # The client asks to send the message; what it gets else is 354.
    DATA = auto()
    # The message is here; what it gets else is 250.
    MESSAGE = auto()


class Fault(Enum):
    """What the server does instead of answering."""

    CLOSE = auto()
    HANG = auto()


@dataclass(eq=False)
class Hold:
    """One client that is kept waiting at a stage, until it is released."""

    _reached: threading.Event = field(default_factory=threading.Event)
    _released: threading.Event = field(default_factory=threading.Event)

    def wait_until_reached(self) -> None:
        """Wait until a client is held."""
        assert self._reached.wait(SECONDS_TO_WAIT), "No client came to the stage."

    def release(self) -> None:
        """Let the client go on."""
        self._released.set()

    async def keep(self) -> None:
        """Keep the client of this conversation, for a while at most."""
        self._reached.set()
        give_up_at = time.monotonic() + 10 * SECONDS_TO_WAIT
        while not self._released.is_set() and time.monotonic() < give_up_at:
            await asyncio.sleep(_POLL)


# A reply, such as "451 Later"; what is done instead of one; or a wait before the usual one.
Action = str | Fault | Hold


@dataclass(frozen=True)
class Taken:
    """One message that the server took, or may be thought to have taken."""

    message_id: str
    recipient: str
    content: bytes


@dataclass
class SmtpServer:
    """What a server took, and what it is to do at each stage."""

    port: int = 0
    connections: int = 0
    taken: list[Taken] = field(default_factory=list)
    _next: dict[Stage, list[Action]] = field(default_factory=dict)
    _always: dict[Stage, Action] = field(default_factory=dict)

    def hold(self, stage: Stage) -> Hold:
        """Hold the next client that comes to a stage for which nothing else is said."""
        hold = Hold()
        self.next(stage, hold)
        return hold

    def next(self, stage: Stage, *actions: Action) -> None:
        """Do these, one each, with the next clients that come to the stage."""
        self._next.setdefault(stage, []).extend(actions)

    def always(self, stage: Stage, action: Action) -> None:
        """Do this with every client that comes to the stage, once `next` is used up."""
        self._always[stage] = action

    def behave(self) -> None:
        """Answer as usual from now on."""
        self._next.clear()
        self._always.clear()

    @property
    def count(self) -> Counter[tuple[str, str]]:
        """How often each Message-ID was taken for each recipient."""
        return Counter((each.message_id, each.recipient) for each in self.taken)

    @property
    def recipients(self) -> list[str]:
        """Whom mail was taken for, in order."""
        return [each.recipient for each in self.taken]

    def _action(self, stage: Stage) -> Action | None:
        waiting = self._next.get(stage)
        return waiting.pop(0) if waiting else self._always.get(stage)

    def _take(self, envelope: Envelope) -> None:
        content = envelope.content
        assert isinstance(content, bytes)
        message_id = str(email.message_from_bytes(content)["Message-ID"])
        self.taken += [Taken(message_id, each, content) for each in envelope.rcpt_tos]


class _Conversation(SMTP):
    """One client's conversation, which the server's owner interferes with."""

    def __init__(self, server: SmtpServer, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(self, hostname="mail.test", loop=loop)
        self.server = server

    async def _handle_client(self) -> None:
        self.server.connections += 1
        if await self._go_on(Stage.GREETING):
            await super()._handle_client()

    async def smtp_MAIL(self, arg: str | None) -> None:  # noqa: N802 - aiosmtpd's name
        if await self._go_on(Stage.MAIL):
            await super().smtp_MAIL(arg)

    async def smtp_RCPT(self, arg: str | None) -> None:  # noqa: N802 - aiosmtpd's name
        if await self._go_on(Stage.RCPT):
            await super().smtp_RCPT(arg)

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802 - aiosmtpd's name
        if await self._go_on(Stage.DATA):
            await super().smtp_DATA(arg)

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        """Take a message; aiosmtpd calls it with the whole of it."""
        action = self.server._action(Stage.MESSAGE)
        if isinstance(action, str):
            return action
        self.server._take(envelope)
        await self._do(action)
        return "250 Taken"

    async def _go_on(self, stage: Stage) -> bool:
        action = self.server._action(stage)
        if isinstance(action, str):
            await self.push(action)
            if stage is Stage.GREETING or action.startswith("421"):
                self._cut()
            return False
        await self._do(action)
        return True

    async def _do(self, action: Fault | Hold | None) -> None:
        if isinstance(action, Hold):
            await action.keep()
        elif action is Fault.CLOSE:
            self._cut()
            # The loss of the connection ends this conversation.
            await asyncio.sleep(SECONDS_TO_WAIT)
        elif action is Fault.HANG:
            await asyncio.sleep(10 * SECONDS_TO_WAIT)

    def _cut(self) -> None:
        if self.transport is not None:
            self.transport.close()

    async def end(self) -> None:
        """Leave the client, whatever it waits for."""
        self._cut()
        task = self._handler_coroutine
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@contextlib.contextmanager
def running(port: int = 0) -> Iterator[SmtpServer]:
    """Run a server until the block ends, on a free port unless told."""
    server = SmtpServer()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    conversations: list[_Conversation] = []

    def converse() -> _Conversation:
        conversations.append(_Conversation(server, loop))
        return conversations[-1]

    async def listen() -> asyncio.Server:
        return await loop.create_server(converse, "127.0.0.1", port)

    async def stop() -> None:
        listening.close()
        for conversation in conversations:
            await conversation.end()
        # Sockets close in the round after.
        await asyncio.sleep(_POLL)

    listening = asyncio.run_coroutine_threadsafe(listen(), loop).result(SECONDS_TO_WAIT)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(stop(), loop).result(SECONDS_TO_WAIT)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(SECONDS_TO_WAIT)
        loop.close()


@contextlib.contextmanager
def receiving(settings: Settings) -> Iterator[SmtpServer]:
    """Let the product's mail go to a server; what the process remembers of others is forgotten."""
    mail_breaker.reset()
    with running() as server:
        settings.EMAIL_BACKEND = mail_env.SMTP_BACKEND
        settings.EMAIL_HOST = "127.0.0.1"
        settings.EMAIL_PORT = server.port
        settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
        settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
        yield server
    mail_breaker.reset()
