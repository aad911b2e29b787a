"""Early ends of an export: by Ctrl-C, by SIGTERM, or because the reader closed the pipe."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from subscribers.management.exporting.output import STANDARD_OUTPUT

INTERRUPTED = 130
_Handler = Callable[[int, FrameType | None], Any] | int | None


@contextmanager
def early_endings(*, name: str, say: Callable[[str], None]) -> Iterator[None]:
    """End the process with 130 on Ctrl-C and SIGTERM, silently where a pipe was closed.

    Put it around what opens the file, so that no part of it is left. `say` gets a sentence.
    """
    before: _Handler = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    except BrokenPipeError:
        _leave_the_pipe()
    except KeyboardInterrupt:
        say("Interrupted." if name == STANDARD_OUTPUT else f"Interrupted; {name} was not written.")
        sys.exit(INTERRUPTED)
    finally:
        signal.signal(signal.SIGTERM, before)


def _leave_the_pipe() -> None:
    """End quietly for a reader that stops early, such as `head`.

    Python flushes standard output again at its end, which must not fail.
    """
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(1)
