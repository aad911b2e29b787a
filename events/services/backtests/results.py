"""The result of a backtest: counts by day and reason, and the first people; bounded JSON."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from events.services.backtests.replaying import Entered, Replay

# Of so many entries the result says who and when; of the others it has the counts.
MOST_ENTRIES = 5000
_COUNTERS = (
    "entered_by_day", "mails_by_day", "mails_by_step", "skipped", "refused", "ended",
)  # fmt: skip
# Stands between a reason and the path of the filter that it is about.
OF_PATH = "|"


@dataclass(slots=True)
class Result:
    """Counts by text keys: days as 2026-11-30, places of steps, reasons with a path.

    `entries` are lists: the person's id as hex, when they entered, mails, status, reason.
    """

    people: int = 0
    events: int = 0
    entered: int = 0
    mails: int = 0
    entered_by_day: Counter[str] = field(default_factory=Counter)
    mails_by_day: Counter[str] = field(default_factory=Counter)
    mails_by_step: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    ended: Counter[str] = field(default_factory=Counter)
    entries: list[list[Any]] = field(default_factory=list)

    def add(self, person: UUID, replay: Replay, *, events: int, zone: ZoneInfo) -> None:
        self.people += 1
        self.events += events
        for (reason, path), count in replay.refused.items():
            self.refused[f"{reason}{OF_PATH}{path}" if path else reason] += count
        for entered in replay.entered:
            self._add_entry(person, entered, zone)

    def _add_entry(self, person: UUID, entered: Entered, zone: ZoneInfo) -> None:
        self.entered += 1
        self.mails += len(entered.mails)
        self.entered_by_day[f"{entered.at.astimezone(zone):%Y-%m-%d}"] += 1
        for at, place in entered.mails:
            self.mails_by_day[f"{at.astimezone(zone):%Y-%m-%d}"] += 1
            self.mails_by_step[str(place)] += 1
        self.skipped.update(entered.skipped)
        self.ended[f"{entered.status}{OF_PATH}{entered.reason}"] += 1
        if len(self.entries) < MOST_ENTRIES:
            line = [person.hex, entered.at.isoformat(), len(entered.mails)]
            self.entries.append([*line, str(entered.status), entered.reason])

    def as_json(self) -> dict[str, Any]:
        counters = {name: dict(getattr(self, name)) for name in _COUNTERS}
        plain = {name: getattr(self, name) for name in ("people", "events", "entered", "mails")}
        return {**plain, **counters, "entries": self.entries}


def from_json(stored: Mapping[str, Any]) -> Result:
    counters = {name: Counter(stored.get(name, {})) for name in _COUNTERS}
    return Result(**{**stored, **counters})
