"""The result of an import: sentences for people, one JSON object for programs."""

import json
from dataclasses import dataclass

from subscribers.models import ImportRun
from subscribers.services.imports.runs import Counted

FINISHED = 0
FAILED = 1
SOME_REJECTED = 3
INTERRUPTED = 130
MOST_SHOWN_REASONS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A run's totals over all its processes, and how this process ended."""

    run: ImportRun
    counted: Counted
    seconds: float
    exit_code: int
    is_dry_run: bool
    error: str = ""

    @property
    def word(self) -> str:
        if self.exit_code == INTERRUPTED:
            return "interrupted"
        return "failed" if self.exit_code == FAILED else "finished"


def sums_of(run: ImportRun) -> Counted:
    return Counted(
        rows=run.rows,
        recorded=run.recorded,
        duplicates=run.duplicates,
        rejected=run.rejected,
        subscribers_created=run.subscribers_created,
        definitions_created=run.definitions_created,
        confirmations_queued=run.confirmations_queued,
        people_left=run.people_left,
        conflicts=run.conflicts,
        reasons=dict(run.reasons),
        oldest_at=run.oldest_at,
        newest_at=run.newest_at,
    )


def as_json(result: Result) -> str:
    counted = result.counted
    said = {
        "ended": result.word,
        "run": None if result.is_dry_run else str(result.run.pk),
        "dryRun": result.is_dry_run,
        "rows": counted.rows,
        "recorded": counted.recorded,
        "duplicates": counted.duplicates,
        "rejected": counted.rejected,
        "subscribersCreated": counted.subscribers_created,
        "definitionsCreated": counted.definitions_created,
        "confirmationsQueued": counted.confirmations_queued,
        "left": counted.people_left,
        "conflicts": counted.conflicts,
        "reasons": counted.reasons,
        "seconds": round(result.seconds, 3),
    }
    if result.error:
        said["error"] = result.error
    return json.dumps(said)


def as_lines(result: Result) -> list[str]:
    counted = result.counted
    by_count = sorted(counted.reasons.items(), key=lambda pair: (-pair[1], pair[0]))
    lines = [f"{count:>9,}  {text}" for text, count in by_count[:MOST_SHOWN_REASONS]]
    if len(by_count) > MOST_SHOWN_REASONS:
        rest = sum(count for _, count in by_count[MOST_SHOWN_REASONS:])
        lines.append(f"{rest:>9,}  for {len(by_count) - MOST_SHOWN_REASONS} other reasons")
    is_of_events = result.run.kind == ImportRun.Kind.EVENTS
    # Only the import of events remembers whom earlier batches of a dry run would have created.
    most = "at most " if result.is_dry_run and not is_of_events else ""
    created = [f"{most}{_some(counted.subscribers_created, 'new subscriber')}"]
    if is_of_events:
        created.append(_some(counted.definitions_created, "new definition"))
    if counted.confirmations_queued:
        created.append(_some(counted.confirmations_queued, "queued confirmation"))
    if counted.people_left:
        left = "known person left" if counted.people_left == 1 else "known people left"
        created.append(f"{counted.people_left:,} {left} (unsubscribed, bounced or complained)")
    if counted.conflicts:
        lines.append(
            f"{counted.conflicts:>9,}  warnings: recorded for the address; its person does not "
            "have the externalId"
        )
    lines.append(
        f"{_some(counted.rows, 'row')}: {counted.recorded:,} recorded, "
        f"{_some(counted.duplicates, 'duplicate')}, {counted.rejected:,} rejected; "
        f"{', '.join(created)}; {result.seconds:.1f} s."
    )
    if result.is_dry_run:
        lines.append("Dry run: nothing was written.")
    return lines


def _some(count: int, word: str) -> str:
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"
