"""Reads a little ahead in a thread of its own, which must not touch the database: it would open a
connection of its own.
"""

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

Item = TypeVar("Item")
MOST_READY = 2
SECONDS_TO_LOOK = 0.2


class _Failed:
    def __init__(self, error: BaseException) -> None:
        self.error = error


class _Ended:
    """No items are left."""


@contextmanager
def read_ahead(items: Iterator[Item], *, is_threaded: bool) -> Iterator[Iterator[Item]]:
    """Yield an iterator over the items that makes at most two of them ahead. An error is raised in
    the item's place. The thread ends with the block.
    """
    if not is_threaded:
        yield items
        return
    ready: queue.Queue[Item | _Failed | _Ended] = queue.Queue(maxsize=MOST_READY)
    is_over = threading.Event()
    thread = threading.Thread(
        target=_fill, args=(ready, items, is_over), name="read-ahead", daemon=True
    )
    thread.start()
    try:
        yield _drain(ready)
    finally:
        is_over.set()
        thread.join()


def _fill(
    ready: "queue.Queue[Item | _Failed | _Ended]", items: Iterator[Item], is_over: threading.Event
) -> None:
    try:
        for item in items:
            if not _put(ready, item, is_over):
                return
    except BaseException as error:  # noqa: BLE001 - raised in the other thread
        _put(ready, _Failed(error), is_over)
    else:
        _put(ready, _Ended(), is_over)


def _put(
    ready: "queue.Queue[Item | _Failed | _Ended]",
    item: Item | _Failed | _Ended,
    is_over: threading.Event,
) -> bool:
    """Queue an item; False when the reader has stopped."""
    while not is_over.is_set():
        try:
            ready.put(item, timeout=SECONDS_TO_LOOK)
        except queue.Full:
            continue
        return True
    return False


def _drain(ready: "queue.Queue[Item | _Failed | _Ended]") -> Iterator[Item]:
    while True:
        item = ready.get()
        if isinstance(item, _Ended):
            return
        if isinstance(item, _Failed):
            raise item.error
        yield item
