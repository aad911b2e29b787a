"""Ctrl-C and SIGTERM during an import: it stops after the current batch."""

import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from types import FrameType
from typing import Self

from subscribers.rows.row import Row

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopping:
    """Whether the import was asked to stop; a second signal stops it at once."""

    def __init__(self, *, say: Callable[[str], None]) -> None:
        self.is_asked = False
        # Whether reading ended before the files did.
        self.is_cut = False
        self._say = say
        self._before: dict[signal.Signals, object] = {}

    def __enter__(self) -> Self:
        # Python sets handlers of signals in the main thread only.
        if threading.current_thread() is threading.main_thread():
            self._before = {each: signal.signal(each, self._ask) for each in SIGNALS}
        return self

    def __exit__(self, *exception: object) -> None:
        for each, before in self._before.items():
            signal.signal(each, before)  # type: ignore[arg-type] # as it was found

    def cut(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Yield the rows until the import is asked to stop.

        Ctrl-C also ends the program that writes the pipe, maybe within a row: what follows is no
        row.
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
        self._say("Stopping after the current batch; once more to stop at once.")
