"""Row ids: UUIDv7, rising within a process, and their form on the wire (`evt_` + 32 hex digits).

RFC 9562, section 6.2, method 1: the 12 bits after the milliseconds are a counter, which starts at a
random value below 2048 each millisecond. When it overflows, or the clock steps back, the last
millisecond continues (and then moves ahead), so later ids always sort later.
See .github/decisions/uuidv7.md.
"""

import os
import secrets
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

_COUNTER_LIMIT = 0xFFF
_TIME_BITS = 0xFFFF_FFFF_FFFF
_TAIL_BITS = 0x3FFF_FFFF_FFFF_FFFF
_lock = threading.Lock()
_last_millisecond = 0
_counter = 0
# In nanoseconds since 1970; looked up at each call, so that `made_at` can set it.
_clock: Callable[[], int] = time.time_ns

HEX_DIGITS = frozenset("0123456789abcdef")


def new_id() -> uuid.UUID:
    """Return an id that sorts after every id this process made before."""
    return new_ids(1)[0]


def new_ids(count: int) -> list[uuid.UUID]:
    """Return rising ids; reads clock, lock and randomness once for all of them."""
    millisecond = _clock() // 1_000_000
    with _lock:
        heads = [_next_head(millisecond) for _ in range(count)]
    randomness = os.urandom(8 * count)
    return [
        uuid.UUID(int=head | int.from_bytes(randomness[8 * place : 8 * place + 8]) & _TAIL_BITS)
        for place, head in enumerate(heads)
    ]


@contextmanager
def made_at(clock: Callable[[], datetime]) -> Iterator[None]:
    """Make all ids of the process by another clock, which may be in the past; for the demo.

    No other code may create ids meanwhile. The clock must not go back.
    """
    global _clock, _last_millisecond, _counter
    earlier = _clock, _last_millisecond, _counter
    _clock, _last_millisecond = (lambda: int(clock().timestamp() * 1000) * 1_000_000), 0
    try:
        yield
    finally:
        _clock, _last_millisecond, _counter = earlier


def _next_head(millisecond: int) -> int:
    """Return an id's bits before the random ones; the caller holds the lock."""
    global _last_millisecond, _counter  # noqa: PLW0603 - the state that makes ids rise
    if millisecond > _last_millisecond:
        _last_millisecond = millisecond
        _counter = secrets.randbits(11)
    elif _counter < _COUNTER_LIMIT:
        _counter += 1
    else:
        _last_millisecond += 1
        _counter = secrets.randbits(11)
    return (_last_millisecond & _TIME_BITS) << 80 | 0x7 << 76 | _counter << 64 | 0b10 << 62


def first_id_at(moment: datetime) -> uuid.UUID:
    """Return the lowest id that can be created at a moment, for comparison with ids of rows."""
    return uuid.UUID(int=max(int(moment.timestamp() * 1000), 0) << 80)


def encode(prefix: str, row_id: uuid.UUID) -> str:
    """Return the public id: `encode("evt", id)` gives `evt_` + 32 hex digits."""
    return f"{prefix}_{row_id.hex}"


def decode(prefix: str, text: str) -> uuid.UUID | None:
    """Return the row id, or None for anything that `encode` would not have written."""
    start, separator, digits = text.partition("_")
    if start != prefix or not separator or len(digits) != 32 or not HEX_DIGITS.issuperset(digits):  # noqa: PLR2004 - 128 bits
        return None
    return uuid.UUID(hex=digits)


def created_at(row_id: uuid.UUID) -> datetime:
    """Return when a row's id was made, to the millisecond."""
    return datetime.fromtimestamp((row_id.int >> 80) / 1000, tz=UTC)
