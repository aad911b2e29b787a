"""Import runs: started, resumed, and advanced in the same transactions as the rows they count.

A process holds a run by its token. Resuming sets a new token, so the old process's next checkpoint
raises `TakenOver` and rolls its rows back.
"""

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Protocol, Self

import msgspec
from django.conf import settings
from django.db import transaction
from django.db.models import F, Value
from django.db.models.functions import Coalesce, Greatest, Least

from config import process_locks
from subscribers.models import ImportReject, ImportRun, Workspace
from subscribers.rows import kept_rows
from subscribers.rows.faults import reason, sentence, storable
from subscribers.rows.row import Place, Row
from subscribers.wire import json_gate
from subscribers.wire.payloads import Fault

MOST_KEPT_REJECTS = 10_000
MOST_REASONS = 200
OTHER_REASONS = "other"
ALIVE_FOR = timedelta(seconds=60)
# A longer row is kept in the file of rejects only.
MOST_KEPT_BYTES = 16_384
# As JSON has it: after an even number of signs that stand for themselves.
_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")
_TAKEN_OVER = "Another process has taken this import over."
_COUNTS = (
    "rows", "recorded", "duplicates", "rejected",
    "subscribers_created", "definitions_created", "confirmations_queued",
    "people_left", "conflicts",
)  # fmt: skip


class NothingToResume(LookupError):
    """There is no unfinished run of these files and options."""

    code = "NOTHING_TO_RESUME"


class StillRunning(RuntimeError):
    """The run advanced less than a minute ago, so another process may be working on it."""

    code = "STILL_RUNNING"

    def __init__(self, *, moved_at: datetime) -> None:
        self.moved_at = moved_at
        seconds = int(ALIVE_FOR.total_seconds())
        super().__init__(
            f"The import moved on at {moved_at:%H:%M:%S} UTC; it may be another process's until "
            f"it has been quiet for {seconds} seconds."
        )


class TakenOver(RuntimeError):
    """Another process has resumed the run; this batch must be rolled back."""

    code = "TAKEN_OVER"


class Rejected(msgspec.Struct, frozen=True):
    """A refused row with all its faults, at least one."""

    row: Row
    faults: tuple[Fault, ...]


class Counted(msgspec.Struct, kw_only=True):
    """A batch's counts: rows = recorded + duplicates + rejected; `reasons` sum to `rejected`."""

    rows: int = 0
    recorded: int = 0
    duplicates: int = 0
    rejected: int = 0
    subscribers_created: int = 0
    definitions_created: int = 0
    confirmations_queued: int = 0
    # Known people whom the rows unsubscribed or suppressed.
    people_left: int = 0
    # Recorded events whose address and external id belong to two people.
    conflicts: int = 0
    reasons: dict[str, int] = msgspec.field(default_factory=dict)
    oldest_at: datetime | None = None
    newest_at: datetime | None = None

    def reject(self, rejected: Rejected) -> None:
        """Count one refused row, under its first fault; `rows` too."""
        self.rows += 1
        self.rejected += 1
        _add_reasons(self.reasons, {reason(rejected.faults[0]): 1})

    def occurred(self, *, oldest_at: datetime, newest_at: datetime) -> None:
        self.oldest_at = min(self.oldest_at or oldest_at, oldest_at)
        self.newest_at = max(self.newest_at or newest_at, newest_at)

    def add(self, other: "Counted") -> None:
        for name in _COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        _add_reasons(self.reasons, other.reasons)
        if other.oldest_at and other.newest_at:
            self.occurred(oldest_at=other.oldest_at, newest_at=other.newest_at)


class KeepsRejects(Protocol):
    """Where rejected rows are written for people to correct."""

    def write(self, rejected: Sequence[Rejected], *, at: int) -> int:
        """Write rows from byte `at`, replacing what follows; return the length. `at` is 0 or an
        earlier result. Flushed on return; call it before the checkpoint commits. Idempotent, since
        a repeated batch calls it again with the same `at`.
        """


class KeptNowhere:
    """Stands in where no rejects file is wanted."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        """Nothing is open."""

    def write(self, rejected: Sequence[Rejected], *, at: int) -> int:  # noqa: ARG002 - as the file's
        return at


def begin(
    *,
    workspace: Workspace,
    kind: str,
    files: Sequence[str],
    options: Mapping[str, Any],
    actor: str,
    now: datetime,
    is_dry_run: bool = False,
    mapping: Mapping[str, Any] | None = None,
    **columns: Any,
) -> ImportRun:
    """Return a new run, stored unless it is a dry run. Atomic.

    `mapping` is a plan of columns by `rows.plans.as_stored`; `columns` are more fields of the run.
    """
    run = ImportRun(
        workspace=workspace,
        kind=kind,
        files=plain(files),
        options=plain(options),
        mapping=None if mapping is None else plain(mapping),
        fingerprint=_fingerprint(kind, files, options),
        actor=actor,
        started_at=now,
        updated_at=now,
        **columns,
    )
    if not is_dry_run:
        run.save(force_insert=True)
    return run


def resume(
    *,
    workspace: Workspace,
    kind: str,
    files: Sequence[str],
    options: Mapping[str, Any],
    actor: str,
    now: datetime,
) -> ImportRun:
    """Return the newest unfinished run of the same files and options, under a new token. Raises
    `NothingToResume` and `StillRunning`. Atomic; locks the run.
    """
    same = ImportRun.objects.filter(
        workspace=workspace,
        kind=kind,
        fingerprint=_fingerprint(kind, files, options),
        stored_bytes=None,
    )
    with transaction.atomic():
        run = same.select_for_update().order_by("-id").first()
        if run is None or run.status == ImportRun.Status.FINISHED:
            raise NothingToResume("There is no unfinished import of these files and options.")
        # A step from a clock that was far ahead says nothing about now.
        is_quiet = run.status != ImportRun.Status.RUNNING or abs(now - run.updated_at) >= ALIVE_FOR
        if not is_quiet and not _has_died(run):
            raise StillRunning(moved_at=run.updated_at)
        run.mark_resumed(actor=actor, at=now)
    return run


def held(run: ImportRun) -> AbstractContextManager[None]:
    """Show, while this process works on the run, that it lives: one that was killed is resumed at
    once on its host.
    """
    return process_locks.held(folder=settings.DATA_DIR, kind=process_locks.IMPORT, owner=run.token)


def place_of(run: ImportRun) -> Place:
    return Place(run.file_index, run.byte_offset, run.line)


def checkpoint(
    *,
    run: ImportRun,
    counted: Counted,
    place: Place,
    rejects: Sequence[Rejected],
    rejects_bytes: int,
    now: datetime,
) -> None:
    """Add a batch's counts and move the checkpoint, in the caller's transaction, as its last lock.
    Raises `TakenOver`. `run` itself stays unchanged, so that a rolled back batch may be repeated;
    `refresh_from_db` reads the sums. Writes nothing for a dry run.
    """
    if run._state.adding:
        return
    held = ImportRun.objects.filter(pk=run.pk, token=run.token)
    changes: dict[str, Any] = {
        "updated_at": now,
        "file_index": place.file_index,
        "byte_offset": place.byte_offset,
        "line": place.line,
        "rejects_bytes": rejects_bytes,
    }
    for name in _COUNTS:
        if count := getattr(counted, name):
            changes[name] = F(name) + count
    if counted.oldest_at and counted.newest_at:
        oldest, newest = Value(counted.oldest_at), Value(counted.newest_at)
        # In SQLite the least of a value and NULL is NULL.
        changes["oldest_at"] = Least(Coalesce("oldest_at", oldest), oldest)
        changes["newest_at"] = Greatest(Coalesce("newest_at", newest), newest)
    if counted.reasons:
        stored = held.select_for_update().values_list("rejected", "reasons").first()
        if stored is None:
            raise TakenOver(_TAKEN_OVER)
        changes["reasons"] = _add_reasons(stored[1], counted.reasons)
        _keep_rejects(run, rejects[: max(MOST_KEPT_REJECTS - stored[0], 0)])
    if not held.update(**changes):
        raise TakenOver(_TAKEN_OVER)


def touch(*, run: ImportRun, now: datetime) -> None:
    """Show that this process is at work; raises `TakenOver`. Atomic."""
    if not ImportRun.objects.filter(pk=run.pk, token=run.token).update(updated_at=now):
        raise TakenOver(_TAKEN_OVER)


def forget_counts(run: ImportRun) -> None:
    """Set a run back to its beginning: `run` unsaved, its rejected rows deleted."""
    run.rejects.all().delete()
    for name in (*_COUNTS, "file_index", "byte_offset", "line", "rejects_bytes"):
        setattr(run, name, 0)
    run.reasons, run.oldest_at, run.newest_at = {}, None, None


def finish(*, run: ImportRun, now: datetime) -> None:
    """Mark a completed run. Atomic."""
    _end(run, status=ImportRun.Status.FINISHED, now=now)


def interrupt(*, run: ImportRun, now: datetime) -> None:
    """Mark a stopped run, which can be resumed. Atomic."""
    _end(run, status=ImportRun.Status.INTERRUPTED, now=now)


def fail(*, run: ImportRun, now: datetime, error: str) -> None:
    """Mark a failed run, which can be resumed. Atomic."""
    _end(run, status=ImportRun.Status.FAILED, now=now, error=error)


def _has_died(run: ImportRun) -> bool:
    return process_locks.has_died(
        folder=settings.DATA_DIR, kind=process_locks.IMPORT, owner=run.token
    )


def _end(run: ImportRun, *, status: ImportRun.Status, now: datetime, error: str = "") -> None:
    """Mark the run unless another process holds it, and read its sums."""
    if run._state.adding:
        return
    ImportRun.objects.filter(pk=run.pk, token=run.token).update(
        status=status, finished_at=now, updated_at=now, last_error=storable(error)
    )
    run.refresh_from_db()


def _fingerprint(kind: str, files: Sequence[str], options: Mapping[str, Any]) -> str:
    """Return a hash of all that must be the same to resume a run."""
    said = msgspec.json.encode([kind, plain(files), plain(options)], order="deterministic")
    return sha256(said).hexdigest()


def plain(value: object) -> Any:  # noqa: ANN401 - any JSON value
    """Return names and options as every database stores them; a file name may be no valid text."""
    text = _NUL.sub(lambda found: f"{found[1]}\\ufffd", json.dumps(value, ensure_ascii=False))
    return msgspec.json.decode(storable(text))


def _add_reasons(sums: dict[str, int], more: Mapping[str, int]) -> dict[str, int]:
    """Add counts; reasons beyond the maximum are counted as `other`."""
    for text, count in more.items():
        key = text if text in sums or len(sums) < MOST_REASONS else OTHER_REASONS
        sums[key] = sums.get(key, 0) + count
    return sums


def _keep_rejects(run: ImportRun, rejects: Sequence[Rejected]) -> None:
    ImportReject.objects.bulk_create(
        [
            ImportReject(
                run=run,
                file_index=each.row.file_index,
                line=each.row.line,
                field=storable(each.faults[0].path)[:200],
                reason=storable(sentence(each.faults))[:1000],
                row=_row_text(each.row),
            )
            for each in rejects
        ],
        batch_size=500,
    )


def _row_text(row: Row) -> str:
    """Return the row as JSON, with its text alone where it cannot be read; empty where a database
    cannot store it or it is too long.
    """
    fields = row.fields
    if fields is None or row.raw:
        text = storable(kept_rows.text_of(row))
        fields = {kept_rows.UNREADABLE: text} if text else {}
    encoded = json_gate.encode_plain(fields) if fields else b""
    return encoded.decode() if encoded and len(encoded) <= MOST_KEPT_BYTES else ""
