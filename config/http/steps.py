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

    __slots__ = ("_coroutine", "_future")

    def __init__(self, coroutine: Coroutine[Any, Any, None]) -> None:
        self._coroutine = coroutine
        self._future: Any = None

    def __call__(self, completed: Any = None) -> None:  # noqa: ANN401 - granian's future
        self._future = None
        try:
            if completed is not None and completed.cancelled():
                awaited = self._coroutine.throw(asyncio.CancelledError())
            else:
                awaited = self._coroutine.send(None)
            while awaited is own:
                awaited = self._coroutine.send(self)
        except StopIteration:
            return
        # From here on another thread may run it on.
        if isinstance(awaited, Until):
            awaited.begin(self)
        else:
            self._future = awaited
            awaited.add_done_callback(self)

    def cancel(self) -> None:
        """Raise `CancelledError` where it waits for the server; call it in the loop's thread."""
        if (future := self._future) is not None:
            future.cancel()


class Until:
    """`await Until(begin)` waits until somebody calls the step that `begin` is given, once.

    `begin` runs when the coroutine waits already, so the call may come at once, from any thread.
    """

    __slots__ = ("begin",)

    def __init__(self, begin: Callable[[Step], object]) -> None:
        self.begin = begin

    def __await__(self) -> Generator[object, None, None]:
        yield self


class _Own:
    def __await__(self) -> Generator[object, Step, Step]:
        return (yield self)


# `await own` returns the coroutine's step, without waiting.
own = _Own()


def take_over(loop: asyncio.AbstractEventLoop) -> Callable[..., object]:
    """Run at once what granian would give this loop to run, and return the loop's own way.

    Granian calls the loop's `call_soon_threadsafe` for two things: to begin a request's coroutine,
    its first argument, and to call a step back whose future is complete.
    """
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
