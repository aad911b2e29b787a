"""How often a sequence's event came, in a sentence."""

from events.services.sequences.arrivals import Arrivals


def in_words(arrivals: Arrivals) -> str:
    if not arrivals.last_week:
        return f"No event {arrivals.event_name} came in the last 7 days."
    return (
        f"The event {arrivals.event_name} came {_times(arrivals.last_day)} in the last 24 hours, "
        f"{_times(arrivals.last_week)} in the last 7 days."
    )


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"
