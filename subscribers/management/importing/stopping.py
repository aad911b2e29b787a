"""Ctrl-C and SIGTERM while an import runs: it stops after the batch at hand."""

import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from types import FrameType
from typing import Self

from subscribers.rows.row import Row

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopping:
    """Knows whether the import was asked to stop; asked a second time, it stops at once."""

    def __init__(self, *, say: Callable[[str], None]) -> None:
        self.is_asked = False
        # Whether reading ended before the files did.
        self.is_cut = False
        self._say = say
        self._before: dict[signal.Signals, object] = {}

    def __enter__(self) -> Self:
        # Elsewhere Python lets nobody listen to signals.
        if threading.current_thread() is threading.main_thread():
            self._before = {each: signal.signal(each, self._ask) for each in SIGNALS}
        return self

    def __exit__(self, *exception: object) -> None:
        for each, before in self._before.items():
            signal.signal(each, before)  # type: ignore[arg-type] # as it was found

    def cut(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Yield the rows until the import is asked to stop.

        Ctrl-C ends the other end of a pipe too, within a row: what comes then is no row.
        """
        for row in rows:
            if self.is_asked:
                self.is_cut = True
                return
            yield row

    def _ask(self, _number: int, _frame: FrameType | None) -> None:
        if self.is_asked:
            raise KeyboardInterrupt
        self.is_asked = True
        self._say("Stopping after the batch at hand; once more to stop at once.")
