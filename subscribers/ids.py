"""Row ids: UUIDv7, rising within a process, and their form on the wire (`evt_` + 32 hex digits).

RFC 9562, section 6.2, method 1: the 12 bits after the milliseconds are a counter that starts at a
random value below 2048 each millisecond. When it is used up, or the clock steps back, the
last millisecond goes on (and then moves ahead), so ids made later always sort later.
"""

import os
import secrets
import threading
import time
import uuid

_COUNTER_LIMIT = 0xFFF
_lock = threading.Lock()
_last_millisecond = 0
_counter = 0

HEX_DIGITS = frozenset("0123456789abcdef")


def new_id() -> uuid.UUID:
    """Return an id that sorts after every id this process made before."""
    global _last_millisecond, _counter  # noqa: PLW0603 - the state that makes ids rise
    millisecond = time.time_ns() // 1_000_000
    with _lock:
        if millisecond > _last_millisecond:
            _last_millisecond = millisecond
            _counter = secrets.randbits(11)
        elif _counter < _COUNTER_LIMIT:
            _counter += 1
        else:
            _last_millisecond += 1
            _counter = secrets.randbits(11)
        millisecond, counter = _last_millisecond, _counter
    tail = int.from_bytes(os.urandom(8)) & 0x3FFF_FFFF_FFFF_FFFF
    return uuid.UUID(
        int=(millisecond & 0xFFFF_FFFF_FFFF) << 80 | 0x7 << 76 | counter << 64 | 0b10 << 62 | tail
    )


def encode(prefix: str, row_id: uuid.UUID) -> str:
    """Return the id as it is shown: `encode("evt", id)` gives `evt_` + 32 hex digits."""
    return f"{prefix}_{row_id.hex}"


def decode(prefix: str, text: str) -> uuid.UUID | None:
    """Return the row id, or None for anything that `encode` would not have written."""
    start, separator, digits = text.partition("_")
    if start != prefix or not separator or len(digits) != 32 or not HEX_DIGITS.issuperset(digits):  # noqa: PLR2004 - 128 bits
        return None
    return uuid.UUID(hex=digits)
