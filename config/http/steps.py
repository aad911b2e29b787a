"""Runs the entry's coroutines in the thread in which the server calls Python.

asyncio would wake its own thread at the start of each request and after each piece of a body. These
changes of thread are a tenth of a small request (measured). The server makes all its calls in one
thread, so a coroutine can run there, and in whichever thread completes what it waits for.
"""

import asyncio
import inspect
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context
from typing import Any


class Step:
    """A request's coroutine; calling it runs it on until it waits again.

    It waits for one thing at a time, which calls it once, so two threads never run it at once.
    """

    __slots__ = ("_coroutine", "_waits_for")

    def __init__(self, coroutine: Coroutine[Any, Any, None]) -> None:
        self._coroutine = coroutine
        self._waits_for: Any = None

    def __call__(self, completed: Any = None) -> None:  # noqa: ANN401 - granian's future
        self._waits_for = None
        try:
            if completed is not None and completed.cancelled():
                awaited = self._coroutine.throw(asyncio.CancelledError())
            else:
                awaited = self._coroutine.send(None)
            if awaited is _own:
                awaited = self._coroutine.send(self)
        except StopIteration:
            return
        if awaited is not None:
            self._waits_for = awaited
            awaited.add_done_callback(self)

    def cancel(self) -> None:
        """Raise `CancelledError` where it waits for the server; call it in the loop's thread."""
        if (future := self._waits_for) is not None:
            future.cancel()


class _Own:
    def __await__(self) -> Generator[object, Step, Step]:
        return (yield _own)


class _Pause:
    def __await__(self) -> Generator[None, None, None]:
        yield


_own = object()
# `await own` gives the coroutine its step; `await pause` waits until somebody calls the step.
own, pause = _Own(), _Pause()


def take_over(loop: asyncio.AbstractEventLoop) -> Callable[..., object]:
    """Run what granian gives this loop at once, and return what else runs a call in its thread."""
    call_in_loop = loop.call_soon_threadsafe

    def call_soon_threadsafe(
        callback: Callable[..., object], *arguments: Any, context: Context | None = None
    ) -> object:
        if isinstance(callback, Step):
            return callback(*arguments)
        if arguments and inspect.iscoroutine(arguments[0]):
            return Step(arguments[0])()
        return call_in_loop(callback, *arguments, context=context)

    loop.call_soon_threadsafe = call_soon_threadsafe  # type: ignore[method-assign,assignment]
    return call_in_loop
