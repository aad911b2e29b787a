"""Ids of rows that were made in the past: they sort by that time; chance has a seed."""

from datetime import datetime
from random import Random
from uuid import UUID


class PastIds:
    """Makes UUIDv7s of given moments; the same seed and moments give the same ids."""

    def __init__(self, random: Random) -> None:
        """Take the source of chance."""
        self._random = random

    def at(self, moment: datetime) -> UUID:
        """Return an id of a moment; ids of one millisecond are in the order of its microseconds."""
        microseconds = round(moment.timestamp() * 1_000_000)
        milliseconds, rest = divmod(microseconds, 1000)
        # 12 bits after the version: the microseconds, and two bits of chance.
        head = milliseconds << 80 | 0x7 << 76 | (rest << 2 | self._random.getrandbits(2)) << 64
        return UUID(int=head | 0b10 << 62 | self._random.getrandbits(62))
