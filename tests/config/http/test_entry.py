"""Answers that the entry holds back: without a thread, at most so many, and none is lost."""

import asyncio
import time
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from config.http import entry
from config.http.entry import Entry
from config.http.environ import HELD_BACK
from config.http.steps import Step
from tests.config.http.test_environ import Headers, Scope

MOST = 5


@dataclass
class Protocol:
    """What takes the answers in the server's place."""

    statuses: list[int] = field(default_factory=list)

    def response_bytes(self, status: int, *_: object) -> None:
        self.statuses.append(status)


class Body:
    """Stands for what a request holds in memory."""


bodies: list[weakref.ref[Body]] = []


def refuse(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    """Hold back every answer but that of one page."""
    if environ["PATH_INFO"] != "/at-once":
        environ[HELD_BACK] = True
        environ["body"] = Body()
        bodies.append(weakref.ref(environ["body"]))
    start_response("429 Too Many Requests", [])
    return [b""]


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """A loop that runs only while a test lets it."""
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


@pytest.fixture
def ask(
    loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., None]]:
    """Calls an entry with one thread and few places to wait."""
    monkeypatch.setattr(entry, "MOST_HELD_BACK", MOST)
    monkeypatch.setattr(entry, "SECONDS_HELD_BACK", 0.2)
    web = Entry(refuse, threads=1)
    web.__rsgi_init__(loop)

    def ask(protocol: Protocol, path: str = "/") -> None:
        Step(web.__rsgi__(Scope(Headers(), path=path), protocol))()  # type: ignore[arg-type]  # as above

    yield ask
    web.__rsgi_del__(loop)


def wait_for(protocol: Protocol, count: int, loop: asyncio.AbstractEventLoop | None = None) -> None:
    """Wait until so many answers are sent; the loop runs meanwhile if it is given."""
    give_up_at = time.monotonic() + 10
    while len(protocol.statuses) < count:
        assert time.monotonic() < give_up_at
        if loop:
            loop.run_until_complete(asyncio.sleep(0.02))
        else:
            time.sleep(0.02)


def test_answers_wait_without_thread_and_body_and_beyond_the_most_are_sent_at_once(
    loop: asyncio.AbstractEventLoop, ask: Callable[..., None]
) -> None:
    protocol, other = Protocol(), Protocol()
    for _ in range(2):
        for _ in range(MOST + 3):
            ask(protocol)
        ask(other, "/at-once")
        wait_for(other, 1)

        assert protocol.statuses == [429] * 3
        assert {body() for body in bodies} == {None}
        wait_for(protocol, MOST + 3, loop)
        protocol.statuses.clear()
        other.statuses.clear()
