"""What is counted of the events that come in, in the process that takes them in."""

from collections import Counter as Counts
from collections.abc import Iterable, Sequence

from prometheus_client import Counter, Gauge

from events.services.configuration import remembered
from events.services.ingestion.recording import Failed, Outcome

EVENTS = Counter("cueline_events", "Events by what became of them.", ["outcome"])
FAILED = Counter("cueline_failed_events", "Events that failed, by the code of the error.", ["code"])
PATHS = Counter(
    "cueline_ingest_requests",
    "Requests by the path that recorded them, and why it was not the fast one.",
    ["path", "cause"],
)
# Looking a label up takes longer than counting.
_RECORDED = EVENTS.labels("recorded")
_FAST = PATHS.labels("fast", "")
# The codes that an event can fail with, each shown from the start; anything else counts as OTHER.
_FAILED = {
    code: FAILED.labels(code)
    for code in (
        "VALIDATION_ERROR", "DEFINITION_LIMIT", "IDENTITY_CONFLICT", "SUBSCRIBER_NOT_FOUND",
        "UNAVAILABLE", "INTERNAL", "OTHER",
    )
}  # fmt: skip
REMEMBERED = Gauge("cueline_remembered_definitions", "Definitions that the process remembers.")
REMEMBERED.set_function(lambda: float(remembered.count()))


def note_outcomes(outcomes: Sequence[Outcome]) -> None:
    """Count a request's events."""
    for word, count in Counts(map(_word, outcomes)).items():
        EVENTS.labels(word).inc(count)
    _note_codes(each.code for each in outcomes if isinstance(each, Failed))


def note_recorded(*, recorded: int, failed: Sequence[str]) -> None:
    """Count a request's events where none is a duplicate or history; `failed` are the codes."""
    _RECORDED.inc(recorded)
    if failed:
        EVENTS.labels("failed").inc(len(failed))
        _note_codes(failed)


def note_fast_path() -> None:
    """Count a request that went the fast path."""
    _FAST.inc()


def note_reference_path(*, cause: str) -> None:
    """Count a request that went the reference path, and why."""
    PATHS.labels("reference", cause).inc()


def _note_codes(codes: Iterable[str]) -> None:
    for code in codes:
        _FAILED.get(code, _FAILED["OTHER"]).inc()


def _word(outcome: Outcome) -> str:
    if isinstance(outcome, Failed):
        return "failed"
    if outcome.is_duplicate:
        return "duplicate"
    return "historical" if outcome.is_historical else "recorded"
