"""What is counted of the events that come in, in the process that takes them in."""

from collections import Counter as Counts
from collections.abc import Iterable

from prometheus_client import Counter, Gauge

from events.services.configuration import remembered
from events.services.ingestion.recording import Failed, Outcome

EVENTS = Counter("cueline_events", "Events by what became of them.", ["outcome"])
PATHS = Counter(
    "cueline_ingest_requests",
    "Requests by the path that recorded them, and why it was not the fast one.",
    ["path", "cause"],
)
# Looking a label up takes longer than counting.
_RECORDED = EVENTS.labels("recorded")
_FAST = PATHS.labels("fast", "")
REMEMBERED = Gauge("cueline_remembered_definitions", "Definitions that the process remembers.")
REMEMBERED.set_function(lambda: float(remembered.count()))


def note_outcomes(outcomes: Iterable[Outcome]) -> None:
    """Count a request's events."""
    for word, count in Counts(map(_word, outcomes)).items():
        EVENTS.labels(word).inc(count)


def note_recorded(*, recorded: int, failed: int) -> None:
    """Count a request's events where none is a duplicate or history."""
    _RECORDED.inc(recorded)
    if failed:
        EVENTS.labels("failed").inc(failed)


def note_fast_path() -> None:
    """Count a request that went the fast path."""
    _FAST.inc()


def note_reference_path(*, cause: str) -> None:
    """Count a request that went the reference path, and why."""
    PATHS.labels("reference", cause).inc()


def _word(outcome: Outcome) -> str:
    if isinstance(outcome, Failed):
        return "failed"
    if outcome.is_duplicate:
        return "duplicate"
    return "historical" if outcome.is_historical else "recorded"
