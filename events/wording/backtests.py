"""A backtest's result in sentences."""

from collections.abc import Iterator, Mapping

from events.language import steps
from events.models import Backtest, Enrollment
from events.services.backtests import snapshots
from events.services.backtests.results import OF_PATH
from events.wording.reasons import reason_in_words
from events.wording.steps import in_words

AS_IF = (
    "As if the sequence had been active since the first day, with nobody in it before. Each event "
    "counts at the time at which it occurred, also history."
)
LEFT_OUT = (
    "Mails are not rendered, and webhooks answer well. The mail cap, paused mail and the list of "
    "allowed addresses are left out."
)


def assumptions(run: Backtest) -> Iterator[str]:
    """Yield what the backtest takes as it is today, and what it leaves out."""
    yield AS_IF
    yield LEFT_OUT
    today = ["status", "suppression", "time zone", *snapshots.uses_today(run)]
    yield (f"Taken as they are today, since history does not hold them: a person's {_and(today)}.")
    stop = run.snapshot["sequence"]["stop_condition"]
    if stop and stop["type"] == "tag_added":
        yield (
            f"Nobody leaves by the tag {stop['value']} unless a step of the sequence adds it: when "
            "tags were added is not recorded as events are."
        )


def ended_in_words(status: str, reason: str) -> str:
    if status == Enrollment.Status.WAITING_CONFIRMATION:
        return "not begun: the person has not confirmed"
    if status in Enrollment.UNDER_WAY:
        return "still under way at the end"
    how = reason_in_words(reason) or "the last step is done"
    return f"{status}: {how}"


def by_ending(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Return how enrollments ended, the most frequent first."""
    return [(ended_in_words(*key.split(OF_PATH, 1)), count) for key, count in _sorted(counts)]


def by_reason(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Return reasons, some with the path that they are about, the most frequent first."""
    found = []
    for key, count in _sorted(counts):
        reason, _, path = key.partition(OF_PATH)
        found.append((f"{reason_in_words(reason)}{f' ({path})' if path else ''}", count))
    return found


def by_step(run: Backtest, counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Return the mails of each step, in the order of the steps."""
    found = []
    for place, config in enumerate(run.snapshot["steps"]):
        step = steps.from_stored(config)
        if isinstance(step, steps.EmailStep):
            label = step.label or in_words(step)
            found.append((f"{place + 1}. {label}", counts.get(str(place), 0)))
    return found


def _sorted(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))


def _and(words: list[str]) -> str:
    return ", ".join(words[:-1]) + f" and {words[-1]}" if len(words) > 1 else words[0]
