"""What other lines of a time line tell already, so that a tag or list has no second line.

A tag's row says since when the person has it, not why; an event, a step, the ledger or an
operator's log entry beside it does.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from events.services.people.timeline.sources import LineKind, TimelineEntry
from subscribers.ids import created_at
from subscribers.models import ConsentRecord

# Rows of one change are written within it.
NEAR = timedelta(seconds=10)
OF_OUTCOME = {"tagsAdded": LineKind.TAG, "listsJoined": LineKind.JOINED, "listsLeft": LineKind.LEFT}
OF_LEDGER = {
    ConsentRecord.Kind.JOINED_LIST: LineKind.JOINED,
    ConsentRecord.Kind.LEFT_LIST: LineKind.LEFT,
}


@dataclass(slots=True)
class KnownLines:
    moments: dict[tuple[LineKind, str], list[datetime]] = field(
        default_factory=lambda: defaultdict(list)
    )
    # What operators did, in the words of the log.
    logged: list[tuple[datetime, str]] = field(default_factory=list)

    def tells(self, entry: TimelineEntry) -> bool:
        """Say whether another line tells what this one would."""
        match entry.kind:
            case LineKind.TAG:
                name = entry.row.tag.name
            case LineKind.JOINED | LineKind.LEFT:
                name = entry.row.list.name
            case _:
                return False
        moments: Sequence[datetime] = self.moments.get((entry.kind, name), ())
        by_operator = (at for at, words in self.logged if name in words)
        return any(is_near(at, entry.at) for at in (*moments, *by_operator))


def is_near(one: datetime, other: datetime) -> bool:
    return abs(one - other) < NEAR


def facts_in(entries: Iterable[TimelineEntry]) -> KnownLines:
    facts = KnownLines()
    for entry in entries:
        row = entry.row
        match entry.kind:
            case LineKind.EVENT:
                for each in row.effects.get("tagsAdded", ()):
                    facts.moments[LineKind.TAG, each["tag"]].append(row.received_at)
            case LineKind.STEP:
                for key, kind in OF_OUTCOME.items():
                    for name in row.outcome.get(key, ()):
                        facts.moments[kind, name].append(created_at(row.pk))
            case LineKind.CONSENT if row.kind in OF_LEDGER:
                facts.moments[OF_LEDGER[row.kind], row.list_name].append(row.at)
            case LineKind.LOG:
                facts.logged.append((row.action_time, row.change_message))
            case _:
                pass
    return facts
