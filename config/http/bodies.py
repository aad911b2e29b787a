"""Reads the bodies of requests in the event loop: at a least rate, and bounded in sum."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.conf import settings
from granian.rsgi import HTTPProtocol, ProtocolError  # type: ignore[attr-defined] # not declared

from config.http.refusals import Refusal, declared_length, too_large
from config.http.steps import Step, Until, own

# A body makes progress when it has grown by this much.
PROGRESS = 8 * 1024
# Each piece costs some 50 us. So after many of them, and one smaller than this, the next one is
# asked for a little later.
SMALL = 1024
MANY = 16
SECONDS_AFTER_SMALL = 0.02
# How far a refused body is read on: Python's http.client sees no answer before it has sent all.
READ_ON = 16 * 1024 * 1024

TOO_SLOW = Refusal(408, "REQUEST_TIMEOUT", "The body came too slowly.")
BROKEN = Refusal(400, "VALIDATION_ERROR", "The body ended early, or its chunks cannot be read.")
TOO_MANY = Refusal(503, "UNAVAILABLE", "Too many large bodies are being sent. Try again.")


class Cut(Exception):
    """A body that is not read to its end."""

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal
        super().__init__()


@dataclass(slots=True, eq=False)
class _Reading:
    step: Step
    progressed_at: float
    held: int = 0
    progressed_to: int = 0
    refusal: Refusal | None = None


class Bodies:
    """The bodies of this process: those being read, and those that threads work on."""

    def __init__(
        self, call_in_loop: Callable[..., object], loop: asyncio.AbstractEventLoop
    ) -> None:
        self._call_in_loop = call_in_loop
        self._loop = loop
        self._readings: set[_Reading] = set()
        self._held = 0
        self._lock = threading.Lock()

    async def read(self, environ: dict[str, Any], protocol: HTTPProtocol) -> bytes:
        """Return the whole body; raises `Cut`. It counts as held until it is forgotten."""
        length = None if "HTTP_TRANSFER_ENCODING" in environ else declared_length(environ)
        if length == 0:
            return b""
        reading = _Reading(await own, progressed_at=time.monotonic())
        self._readings.add(reading)
        try:
            return await self._read(reading, protocol, length)
        except BaseException as error:
            self.forget(reading.held)
            if isinstance(error, asyncio.CancelledError):
                raise Cut(reading.refusal or BROKEN) from None
            raise
        finally:
            self._readings.discard(reading)

    async def _read(self, reading: _Reading, protocol: HTTPProtocol, length: int | None) -> bytes:
        pieces: list[bytes] = []
        next_piece = protocol.__aiter__().__anext__
        while reading.held != length:
            piece = await next_piece()
            if reading.refusal:
                raise Cut(reading.refusal)
            if not piece:
                if length is None and await _has_ended(next_piece):
                    break
                # The caller may be gone, too.
                raise Cut(BROKEN)
            pieces.append(piece)
            self._count(reading, len(piece))
            if len(pieces) > MANY and len(piece) < SMALL:
                await Until(partial(self._call_in_loop, self._loop.call_later, SECONDS_AFTER_SMALL))
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _count(self, reading: _Reading, size: int) -> None:
        reading.held += size
        if reading.held > settings.MAX_BODY_BYTES:
            reading.held -= size
            raise Cut(too_large())
        with self._lock:
            self._held += size
        if reading.held - reading.progressed_to >= PROGRESS:
            reading.progressed_to = reading.held
            reading.progressed_at = time.monotonic()
        if self._held > settings.MAX_BODIES_BYTES:
            # The largest one makes room, so that small requests go on.
            largest = max(list(self._readings), key=lambda each: each.held)
            if largest is reading:
                raise Cut(TOO_MANY)
            self._end(largest, TOO_MANY)

    def forget(self, size: int) -> None:
        with self._lock:
            self._held -= size

    def _end(self, reading: _Reading, refusal: Refusal) -> None:
        reading.refusal = refusal
        self._call_in_loop(reading.step.cancel)

    def end_the_slow(self, *, now: float) -> None:
        """End bodies that made no progress for BODY_SECONDS."""
        for reading in list(self._readings):
            if now - reading.progressed_at > settings.BODY_SECONDS:
                self._end(reading, TOO_SLOW)

    async def read_on(self, environ: dict[str, Any], protocol: HTTPProtocol) -> None:
        """Read a refused body on for a while, so that its caller gets to see the answer."""
        if "HTTP_EXPECT" in environ:
            return
        try:
            next_piece = protocol.__aiter__().__anext__
        except ProtocolError:
            # Its reading has begun before.
            next_piece = protocol.__anext__  # type: ignore[attr-defined] # not declared
        # It makes no progress, so it ends after BODY_SECONDS.
        reading = _Reading(await own, progressed_at=time.monotonic())
        self._readings.add(reading)
        try:
            size = 0
            while size < READ_ON and (piece := await next_piece()):
                size += len(piece)
        except (asyncio.CancelledError, StopAsyncIteration):
            return
        finally:
            self._readings.discard(reading)


async def _has_ended(next_piece: Callable[[], Awaitable[bytes]]) -> bool:
    """Tell whether a chunked body is complete: after one empty piece granian has no more to give,
    but one more where the caller is gone.
    """
    try:
        await next_piece()
    except StopAsyncIteration:
        return True
    return False
