"""The web's entry: reads each request whole without a thread, then gives it to one of a few.

An RSGI application. It judges the headers and reads the body at a least rate outside of the
threads, so that a caller who sends slowly, or nothing, costs a connection and no thread. A fixed
pool of threads runs the WSGI application with complete requests.
"""

import asyncio
import logging
import queue
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from io import BytesIO
from typing import IO, TYPE_CHECKING, Any, TypeVar

from django.conf import settings
from granian.rsgi import HTTPProtocol, Scope  # type: ignore[attr-defined] # not declared

from config.http import refusals, silent_readers, steps, uploads
from config.http.bodies import BROKEN, TOO_SLOW, Bodies, Cut
from config.http.environ import HELD_BACK, environ_of
from config.http.refusals import Refusal
from config.http.steps import Step, Until

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

logger = logging.getLogger("cueline.entry")

# Until then the server has opened the file of an answer; its own copy keeps the content.
SECONDS_TO_OPEN = 10
BLOCK = 256 * 1024
# How many BODY_SECONDS an answer may wait for its reader.
LONGER_FOR_READERS = 3
# How long an answer that is held back waits, and how many may wait at once: each is a connection.
SECONDS_HELD_BACK = 1
MOST_HELD_BACK = 1000
FAILED = Refusal(500, "INTERNAL", "Something failed on our side.")
Result = TypeVar("Result")


@dataclass(slots=True)
class _Job:
    call: Callable[[], Any]
    step: Step = field(init=False)
    outcome: Any = None


class Entry:
    """`application` is called by `threads` threads that live as long as the process."""

    def __init__(self, application: "WSGIApplication", *, threads: int) -> None:
        self._application = application
        self._waiting: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._serve, name=f"web-{number + 1}", daemon=True)
            for number in range(threads)
        ]
        self._places_to_wait = threading.BoundedSemaphore(MOST_HELD_BACK)
        self._are_readers_limited = False

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._call_in_loop = steps.take_over(loop)
        self._bodies = Bodies(self._call_in_loop, loop)
        for thread in self._threads:
            thread.start()
        self._tick()

    def __rsgi_del__(self, loop: asyncio.AbstractEventLoop) -> None:
        for _ in self._threads:
            self._waiting.put(None)
        for thread in self._threads:
            thread.join()

    async def __rsgi__(self, scope: Scope, protocol: HTTPProtocol) -> None:
        environ = environ_of(scope)
        try:
            body = await self._body(environ, protocol)
        except Cut as cut:
            await self._refuse(cut.refusal, environ, protocol)
            return
        environ["CONTENT_LENGTH"] = str(len(body))
        environ["wsgi.input"] = BytesIO(body)
        environ["wsgi.file_wrapper"] = SentFile
        left = await self._in_thread(partial(self._answer, environ, protocol))
        self._bodies.forget(len(body))
        if isinstance(left, Refusal):
            await self._refuse(left, environ, protocol)
        elif left is not None:
            # The body may be large, and counts no more.
            del body, environ
            await self._send_later(left)

    async def _body(self, environ: dict[str, Any], protocol: HTTPProtocol) -> bytes:
        """Return the body of a request that nothing is against; raises `Cut`."""
        refusal = refusals.judge(environ)
        form = uploads.form_of(environ)
        if isinstance(form, Refusal):
            refusal = refusal or form
        elif form and form.permission and not refusal:
            refusal = await self._in_thread(partial(form.judge_sender, environ))
        if refusal is not None:
            raise Cut(refusal)
        body = await self._bodies.read(environ, protocol)
        if isinstance(form, uploads.Form) and (refusal := form.judge(body)):
            self._bodies.forget(len(body))
            raise Cut(refusal)
        return body

    async def _in_thread(self, call: Callable[[], Result]) -> Result | Refusal:
        """Return what the call returned in one of the threads, or that it failed."""
        job = _Job(call)
        await Until(partial(self._begin, job))
        outcome: Result | Refusal = job.outcome
        return outcome

    async def _send_later(self, send: Callable[[], None]) -> None:
        """Send after a while, without a thread; at once if too many wait already."""
        if self._places_to_wait.acquire(blocking=False):
            await Until(partial(self._call_in_loop, self._loop.call_later, SECONDS_HELD_BACK))
            self._places_to_wait.release()
        send()

    def _begin(self, job: "_Job", step: Step) -> None:
        job.step = step
        self._waiting.put(job)

    async def _refuse(
        self, refusal: Refusal, environ: dict[str, Any], protocol: HTTPProtocol
    ) -> None:
        status, headers, content = refusals.answer(refusal, environ)
        protocol.response_bytes(status, headers, content)
        if refusal not in {TOO_SLOW, BROKEN}:
            await self._bodies.read_on(environ, protocol)

    def _tick(self) -> None:
        self._bodies.end_the_slow(now=time.monotonic())
        if not self._are_readers_limited:
            # The server listens a moment after it has called `__rsgi_init__`.
            seconds = LONGER_FOR_READERS * settings.BODY_SECONDS
            self._are_readers_limited = silent_readers.end_after(seconds=seconds)
        self._loop.call_later(1, self._tick)

    def _serve(self) -> None:
        while (job := self._waiting.get()) is not None:
            try:
                job.outcome = job.call()
            except BaseException:
                logger.exception("A request failed outside of its view.")
                job.outcome = FAILED
            job.step()
            del job

    def _answer(self, environ: dict[str, Any], protocol: HTTPProtocol) -> Callable[[], None] | None:
        """Send the application's answer; one that is held back is returned as the call to send."""
        started: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], *_: object) -> None:
            started[:] = int(status[:3]), headers

        result = self._application(environ, start_response)  # type: ignore[arg-type] # nobody calls `write`
        try:
            status, headers = started
            if isinstance(result, SentFile) and result.path:
                protocol.response_file(status, headers, result.path)
            elif not isinstance(result, list) and getattr(result, "streaming", True):
                protocol.response_file(status, headers, self._keep(result))
            else:
                send = partial(protocol.response_bytes, status, headers, b"".join(result))
                if HELD_BACK in environ:
                    return send
                send()
            return None
        finally:
            if hasattr(result, "close"):
                result.close()

    def _keep(self, pieces: Iterable[bytes]) -> str:
        """Write an answer to a file without a name, and return a path at which it opens.

        The server sends files at the reader's pace and without a thread.
        """
        file = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the server has opened it
        file.writelines(pieces)
        file.seek(0)
        self._call_in_loop(self._loop.call_later, SECONDS_TO_OPEN, file.close)
        return f"/dev/fd/{file.fileno()}"


class SentFile:
    """A file of an answer, as `wsgi.file_wrapper`; `path` is empty where it has none."""

    def __init__(self, file: IO[bytes], block_size: int = BLOCK) -> None:
        self._file = file
        self._block_size = block_size
        name = getattr(file, "name", "")
        self.path = name if isinstance(name, str) else ""
        self.streaming = True

    def __iter__(self) -> Iterable[bytes]:
        while block := self._file.read(self._block_size):
            yield block

    def close(self) -> None:
        self._file.close()
