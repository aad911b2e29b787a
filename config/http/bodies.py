"""Reads the bodies of requests in the event loop: at a least rate, and bounded in sum."""

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.conf import settings
from granian.rsgi import ProtocolError

from config.http.refusals import Refusal, declared_length, too_large

if TYPE_CHECKING:
    from granian.rsgi import HTTPProtocol

# A body makes progress when it has grown by this much.
PROGRESS = 8 * 1024
# After a piece smaller than this the next one is asked for a little later: each costs some 50 us.
SMALL = 1024
SECONDS_AFTER_SMALL = 0.02
# How far a refused body is read on: Python's http.client sees no answer before it has sent all.
READ_ON = 16 * 1024 * 1024

TOO_SLOW = Refusal(408, "REQUEST_TIMEOUT", "The body came too slowly.")
TOO_MANY = Refusal(503, "UNAVAILABLE", "Too many large bodies are being sent. Try again.")


class Cut(Exception):  # noqa: N818 - as often the caller's doing as an error
    """A body that is not read to its end; without a refusal the caller is gone."""

    def __init__(self, refusal: Refusal | None) -> None:
        self.refusal = refusal
        super().__init__()


@dataclass(slots=True, eq=False)
class _Reading:
    task: "asyncio.Task[Any]"
    progressed_at: float
    held: int = 0
    progressed_to: int = 0
    refusal: Refusal | None = None

    def end(self, refusal: Refusal) -> None:
        """Cut another task's reading short."""
        if self.refusal is None:
            self.refusal = refusal
            self.task.cancel()


class Bodies:
    """The bodies of this process: those being read, and those that threads work on."""

    def __init__(self) -> None:
        self._readings: set[_Reading] = set()
        self._held = 0

    async def read(self, environ: dict[str, Any], protocol: "HTTPProtocol") -> bytes:
        """Return the whole body; raises `Cut`. It counts as held until it is forgotten."""
        length = None if "HTTP_TRANSFER_ENCODING" in environ else declared_length(environ)
        if length == 0:
            return b""
        task = asyncio.current_task()
        assert task
        reading = _Reading(task, progressed_at=time.monotonic())
        self._readings.add(reading)
        try:
            return await self._read(reading, protocol, length)
        except BaseException as error:
            self.forget(reading.held)
            if reading.refusal and isinstance(error, asyncio.CancelledError):
                task.uncancel()
                raise Cut(reading.refusal) from None
            raise
        finally:
            self._readings.discard(reading)

    async def _read(
        self, reading: _Reading, protocol: "HTTPProtocol", length: int | None
    ) -> bytes:
        pieces: list[bytes] = []
        next_piece = protocol.__aiter__().__anext__
        while reading.held != length:
            piece = await next_piece()
            if not piece:
                if length is None and await _has_ended(next_piece):
                    break
                raise Cut(None)
            pieces.append(piece)
            self._count(reading, len(piece))
            if len(piece) < SMALL and reading.held != length:
                await asyncio.sleep(SECONDS_AFTER_SMALL)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _count(self, reading: _Reading, size: int) -> None:
        reading.held += size
        self._held += size
        if reading.held > settings.MAX_BODY_BYTES:
            raise Cut(too_large())
        if reading.held - reading.progressed_to >= PROGRESS:
            reading.progressed_to = reading.held
            reading.progressed_at = time.monotonic()
        if self._held > settings.MAX_BODIES_BYTES:
            # The largest one makes room, so that small requests go on.
            largest = max(self._readings, key=lambda each: each.held)
            if largest is reading:
                raise Cut(TOO_MANY)
            largest.end(TOO_MANY)

    def forget(self, size: int) -> None:
        self._held -= size

    def end_the_slow(self, *, now: float) -> None:
        """End bodies that made no progress for BODY_SECONDS."""
        for reading in list(self._readings):
            if now - reading.progressed_at > settings.BODY_SECONDS:
                reading.end(TOO_SLOW)

    async def read_on(self, environ: dict[str, Any], protocol: "HTTPProtocol") -> None:
        """Read a refused body on a little, so that its caller gets to see the answer."""
        if "HTTP_EXPECT" in environ:
            return
        try:
            next_piece = protocol.__aiter__().__anext__
        except ProtocolError:
            # Its reading has begun before.
            next_piece = protocol.__anext__
        size = 0
        try:
            async with asyncio.timeout(settings.BODY_SECONDS):
                while size < READ_ON and (piece := await next_piece()):
                    size += len(piece)
        except (TimeoutError, StopAsyncIteration):
            return


async def _has_ended(next_piece: Any) -> bool:
    """Tell whether a chunked body is complete: after one empty piece granian has no more to give,
    but one more where the caller is gone.
    """
    try:
        await next_piece()
    except StopAsyncIteration:
        return True
    return False
