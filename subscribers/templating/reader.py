"""Who reads a text and when it is made: what its dates and numbers depend on beside the data."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError

MOST_NOTES = 10
LONGEST_NOTE = 200
ENGLISH = "en"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """The moment a text is made, its reader's time zone and language, and what was noted meanwhile.

    `now` is None where nothing is sent, as when a template is checked. `notes` grow while texts are
    rendered: each says what gave nothing and why.
    """

    now: datetime | None
    zone: tzinfo = UTC
    locale: str = ENGLISH
    notes: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        """Keep a note once, up to `MOST_NOTES` of them."""
        short = text[:LONGEST_NOTE]
        if len(self.notes) < MOST_NOTES and short not in self.notes:
            self.notes.append(short)


@lru_cache(maxsize=256)
def zone_of(*names: str) -> tzinfo:
    """Return the first time zone that exists, else UTC."""
    for name in filter(None, names):
        try:
            return ZoneInfo(name)
        except (ValueError, OSError):
            continue
    return UTC


@lru_cache(maxsize=256)
def locale_of(*names: str) -> str:
    """Return the first language that Babel knows, such as `de` or `pt_BR`, else English."""
    for name in filter(None, names):
        try:
            return str(Locale.parse(name.replace("-", "_")))
        except (ValueError, UnknownLocaleError):
            continue
    return ENGLISH
