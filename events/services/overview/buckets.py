"""The time that the home page looks back on, in buckets of an hour or a day of UTC."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

from events.models import EventCount
from subscribers.services.storage.outcomes import hour_of

Unit = EventCount.Unit
HOURS = 24
DAYS = 30


@dataclass(frozen=True, slots=True)
class Buckets:
    """Where its buckets begin; the last one is not over."""

    unit: EventCount.Unit
    starts: Sequence[datetime]

    @property
    def since(self) -> datetime:
        return self.starts[0]

    @property
    def until(self) -> datetime:
        return self.starts[0] + self.length

    @property
    def length(self) -> timedelta:
        return (self.starts[1] - self.starts[0]) * len(self.starts)


def buckets(*, unit: EventCount.Unit, now: datetime) -> Buckets:
    match unit:
        case Unit.HOUR_OF_RECEIPT:
            step, count, last = timedelta(hours=1), HOURS, hour_of(now)
        case Unit.DAY_OF_OCCURRENCE:
            step, count, last = timedelta(days=1), DAYS, hour_of(now).replace(hour=0)
        case _:
            assert_never(unit)
    return Buckets(unit, [last - step * number for number in reversed(range(count))])
