"""Imports whose file is stored in the database, so that any host's worker can carry them on.

A slice takes rows in for some seconds, and its checkpoint is that of `loop`: a worker that is
killed loses and repeats nothing. The file is deleted when the import has finished.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from subscribers.ids import new_id
from subscribers.models import ImportBlock, ImportPart, ImportRun, Workspace
from subscribers.rows.faults import storable
from subscribers.rows.plans import from_stored
from subscribers.rows.row import InvalidFile
from subscribers.services.imports import blocks, looking, loop, runs, uploads
from subscribers.services.imports.file_kinds import FileKind
from subscribers.services.imports.looking import GONE
from subscribers.services.imports.runs import ALIVE_FOR, KeptNowhere, TakenOver
from subscribers.services.storage import connections

Status = ImportRun.Status
UNDER_WAY = (Status.QUEUED, Status.RUNNING)
SLICE = timedelta(seconds=15)
# The file of an import that was cancelled or failed is kept for so long, to be resumed.
KEPT_FOR = timedelta(days=7)
FORGOTTEN = f"Nobody went on with it for {KEPT_FOR.days} days, so its file was deleted."


def begin(*, lines: Sequence[bytes], now: datetime, **columns: Any) -> ImportRun:
    """Store lines of `kept_rows` and queue their import. Atomic; `columns` are those of
    `runs.begin`.
    """
    size = sum(map(len, lines))
    with transaction.atomic():
        run = runs.begin(now=now, status=Status.QUEUED, stored_bytes=size, **columns)
        offset = 0
        for content in blocks.joined(lines):
            offset = blocks.store(run=run, offset=offset, content=content)
    return run


def carry_on(
    *,
    kinds: Mapping[str, FileKind],
    make_importer: Callable[[ImportRun], loop.Importer[Any]],
    clock: Callable[[], datetime],
) -> bool:
    """Work for one slice on the import that has waited longest; returns whether there was one. May
    run twice, also at the same time.

    `kinds` are of uploaded files, by the run's kind; `make_importer` is for rows of the API.
    """
    run = _claim(clock())
    if run is None:
        return False
    try:
        if not run.stage:
            _work(run, make_importer(run), clock)
        elif uploads.upload_of(run).is_decided:
            _work(run, _importer_of(run, kinds[run.kind]), clock)
        else:
            looking.decide(run=run, kind=kinds[run.kind], clock=clock)
    except TakenOver:
        # Cancelled, or its rows were changed: the slice's last batch is rolled back.
        pass
    except connections.LOST as error:
        # The slice is done again when the run has been quiet for a while.
        _note(run, error)
        raise
    except InvalidFile as error:
        runs.fail(run=run, now=clock(), error=str(error))
    except Exception as error:
        runs.fail(run=run, now=clock(), error=f"{type(error).__name__}: {error}")
        raise
    return True


def cancel(*, run: ImportRun, now: datetime) -> bool:
    """End an import; rows that are being written are rolled back. False if it had ended. Atomic.

    A file that is not here whole is deleted, since nobody can go on with it.
    """
    rows = ImportRun.objects.filter(pk=run.pk, stored_bytes__isnull=False)
    # With a new token the worker's next checkpoint fails, and its batch is rolled back.
    ended = {
        "status": Status.INTERRUPTED, "token": new_id(), "updated_at": now, "finished_at": now
    }  # fmt: skip
    with transaction.atomic():
        if rows.filter(status=Status.UPLOADING).update(**ended):
            run.parts.all().delete()
            return True
        return bool(rows.filter(status__in=(*UNDER_WAY, Status.READY)).update(**ended))


def resume(*, run: ImportRun, now: datetime) -> bool:
    """Queue an import that was cancelled or failed, from its checkpoint on; False if its file is
    no longer stored.
    """
    ended = ImportRun.objects.filter(pk=run.pk, status__in=[Status.INTERRUPTED, Status.FAILED])
    return bool(
        ended.filter(_has_a_file()).update(
            status=Status.QUEUED, updated_at=now, finished_at=None, last_error=""
        )
    )


def purge(*, now: datetime) -> int:
    """Delete the files of imports that nobody has gone on with; returns how many pieces."""
    old = ImportRun.objects.filter(stored_bytes__isnull=False, updated_at__lt=now - KEPT_FOR)
    forgotten = old.filter(status__in=[Status.UPLOADING, Status.READY])
    forgotten.update(status=Status.INTERRUPTED, finished_at=now, last_error=FORGOTTEN)
    ended = old.filter(status__in=[Status.INTERRUPTED, Status.FAILED])
    return sum(
        model.objects.filter(run__in=ended).delete()[0] for model in (ImportBlock, ImportPart)
    )


def under_way(*, workspace: Workspace) -> int:
    """Count the imports of a workspace that wait or run."""
    waiting = _under_way().filter(workspace=workspace, status__in=UNDER_WAY)
    return waiting.count()


def _under_way() -> QuerySet[ImportRun]:
    return ImportRun.objects.filter(finished_at=None, stored_bytes__isnull=False)


def _claim(now: datetime) -> ImportRun | None:
    """Take an import in turn; None while another is being worked on, since a slice keeps one of the
    few processes that also send mail.
    """
    # A step from a clock that was far ahead says nothing about now.
    is_quiet = Q(updated_at__lte=now - ALIVE_FOR) | Q(updated_at__gte=now + ALIVE_FOR)
    is_running = Q(status=Status.RUNNING)
    with transaction.atomic():
        if _under_way().filter(is_running & ~is_quiet).exists():
            return None
        free = _under_way().filter(Q(status=Status.QUEUED) | (is_running & is_quiet))
        rows = free.select_for_update(of=("self",), skip_locked=True)
        run = rows.select_related("workspace", "api_key").order_by("updated_at", "id").first()
        if run is not None:
            run.mark_resumed(actor=run.actor, at=now)
    return run


def _note(run: ImportRun, error: Exception) -> None:
    """Show why a slice did not end, as far as the database can store it."""
    with suppress(*connections.LOST):
        held = ImportRun.objects.filter(pk=run.pk, token=run.token)
        held.update(last_error=storable(str(error)))


def _has_a_file() -> Q:
    """The condition that an import's rows or its file are still stored."""
    pieces = [
        model.objects.filter(run=OuterRef("pk"), offset=0) for model in (ImportBlock, ImportPart)
    ]
    return Q(Exists(pieces[0])) | Q(Exists(pieces[1]))


def _importer_of(run: ImportRun, kind: FileKind) -> loop.Importer[Any]:
    return kind.importer(run, uploads.upload_of(run).chosen, from_stored(run.mapping or {}))


def _work(run: ImportRun, importer: loop.Importer[Any], clock: Callable[[], datetime]) -> None:
    if not run.blocks.filter(offset=0).exists():
        raise InvalidFile(GONE)
    until = clock() + SLICE
    ended = loop.run(
        run=run,
        rows=blocks.read(run=run, tables=uploads.tables_of(run)),
        importer=importer,
        rejects=KeptNowhere(),
        report=lambda _counted, _rejected: None,
        clock=clock,
        should_stop=lambda: clock() >= until,
        may_read_ahead=False,
    )
    held = ImportRun.objects.filter(pk=run.pk, token=run.token)
    if ended is loop.Ended.STOPPED:
        held.update(status=Status.QUEUED, updated_at=clock())
    elif run.is_dry_run:
        held.update(status=Status.READY, updated_at=clock())
    else:
        with transaction.atomic():
            runs.finish(run=run, now=clock())
            if run.status == Status.FINISHED:
                run.blocks.all().delete()
