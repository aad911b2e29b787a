"""How often the event that starts a sequence came lately, from the roll-ups."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from events.language.entry import trigger_from_stored
from events.models import EventCount, Sequence

DAY = timedelta(days=1)
WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Events of the name, whatever filters the trigger has; by full hours of receipt."""

    event_name: str
    last_day: int
    last_week: int


def of_trigger(*, sequence: Sequence, now: datetime) -> Arrivals | None:
    """Return how often the trigger's event came; None for other triggers. One query."""
    trigger = trigger_from_stored(sequence.trigger, sequence.trigger_config)
    if trigger.type != "event_received":
        return None
    hours = EventCount.objects.filter(
        definition__workspace=sequence.workspace_id,
        definition__name=trigger.event_name,
        unit=EventCount.Unit.HOUR_OF_RECEIPT,
        starts_at__gte=now - WEEK,
    )
    counts = list(hours.values_list("starts_at", "count"))
    return Arrivals(
        event_name=trigger.event_name,
        last_day=sum(count for starts_at, count in counts if starts_at >= now - DAY),
        last_week=sum(count for _, count in counts),
    )
