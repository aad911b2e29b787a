"""Counters of incoming events, in the process that records them."""

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
# Finding a label takes longer than counting.
_RECORDED = EVENTS.labels("recorded")
_FAST = PATHS.labels("fast", "")
# The codes of failed events, each shown from the start; anything else counts as OTHER.
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
    for word, count in Counts(map(_word, outcomes)).items():
        EVENTS.labels(word).inc(count)
    _note_codes(each.code for each in outcomes if isinstance(each, Failed))


def note_recorded(*, recorded: int, failed: Sequence[str]) -> None:
    """Count a request's events if none is a duplicate or historical; `failed` are the codes."""
    _RECORDED.inc(recorded)
    if failed:
        EVENTS.labels("failed").inc(len(failed))
        _note_codes(failed)


def note_fast_path() -> None:
    _FAST.inc()


def note_reference_path(*, cause: str) -> None:
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
