"""Imports whose file is stored in the database, so that any host's worker can carry them on.

A slice takes rows in for some seconds, and its checkpoint is that of `loop`: a worker that is
killed loses and repeats nothing. The file is deleted when the import has finished.
"""

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import Q, QuerySet

from subscribers.ids import new_id
from subscribers.models import ImportBlock, ImportRun, Workspace
from subscribers.rows.faults import storable
from subscribers.rows.files import read_rows
from subscribers.rows.row import JSONL, InvalidFile, Row, Source
from subscribers.services.imports import loop, runs
from subscribers.services.imports.runs import ALIVE_FOR, KeptNowhere, TakenOver
from subscribers.services.storage import connections

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

Status = ImportRun.Status
SLICE = timedelta(seconds=15)
# At least so much is in each block but the last.
BLOCK_BYTES = 1_048_576
# The file of an import that was cancelled or failed is kept for so long, to be resumed.
KEPT_FOR = timedelta(days=7)


def begin(*, lines: Sequence[bytes], now: datetime, **columns: Any) -> ImportRun:
    """Store a file of JSONL and queue its import. Atomic; `columns` are those of `runs.begin`."""
    size = sum(map(len, lines))
    with transaction.atomic():
        run = runs.begin(now=now, status=Status.QUEUED, stored_bytes=size, **columns)
        offset = 0
        for content in _blocks(lines):
            ImportBlock.objects.create(run=run, offset=offset, content=content)
            offset += len(content)
    return run


def _blocks(lines: Sequence[bytes]) -> Iterator[bytes]:
    """Join whole lines, so that erasing somebody finds each of their rows in one block."""
    block = bytearray()
    for line in lines:
        block += line
        if len(block) >= BLOCK_BYTES:
            yield bytes(block)
            block.clear()
    if block:
        yield bytes(block)


def carry_on(
    *, make_importer: Callable[[ImportRun], loop.Importer[Any]], clock: Callable[[], datetime]
) -> bool:
    """Work for one slice on the import that has waited longest; returns whether there was one. May
    run twice, also at the same time.
    """
    run = _claim(clock())
    if run is None:
        return False
    try:
        _work(run, make_importer(run), clock)
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
    """End an import; rows that are being written are rolled back. False if it had ended."""
    rows = ImportRun.objects.filter(pk=run.pk, stored_bytes__isnull=False)
    # With a new token the worker's next checkpoint fails, and its batch is rolled back.
    under_way = rows.filter(status__in=[Status.QUEUED, Status.RUNNING])
    changed = under_way.update(
        status=Status.INTERRUPTED, token=new_id(), updated_at=now, finished_at=now
    )
    return bool(changed)


def resume(*, run: ImportRun, now: datetime) -> bool:
    """Queue an import that was cancelled or failed, from its checkpoint on; False if its file is
    no longer stored.
    """
    ended = ImportRun.objects.filter(pk=run.pk, status__in=[Status.INTERRUPTED, Status.FAILED])
    return bool(
        ended.filter(blocks__offset=0).update(
            status=Status.QUEUED, updated_at=now, finished_at=None, last_error=""
        )
    )


def purge(*, now: datetime) -> int:
    """Delete the files of imports that nobody has resumed; returns how many blocks."""
    ended = ImportRun.objects.filter(
        stored_bytes__isnull=False,
        status__in=[Status.INTERRUPTED, Status.FAILED],
        updated_at__lt=now - KEPT_FOR,
    )
    return ImportBlock.objects.filter(run__in=ended).delete()[0]


def under_way(*, workspace: Workspace) -> int:
    """Count the imports of a workspace that wait or run."""
    return _under_way().filter(workspace=workspace).count()


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


def _work(run: ImportRun, importer: loop.Importer[Any], clock: Callable[[], datetime]) -> None:
    if not run.blocks.filter(offset=0).exists():
        raise InvalidFile("The file of the import is no longer stored: give it again.")
    until = clock() + SLICE
    ended = loop.run(
        run=run,
        rows=_rows(run),
        importer=importer,
        rejects=KeptNowhere(),
        report=lambda _counted, _rejected: None,
        clock=clock,
        should_stop=lambda: clock() >= until,
        may_read_ahead=False,
    )
    if ended is loop.Ended.STOPPED:
        held = ImportRun.objects.filter(pk=run.pk, token=run.token)
        held.update(status=Status.QUEUED, updated_at=clock())
        return
    with transaction.atomic():
        runs.finish(run=run, now=clock())
        if run.status == Status.FINISHED:
            run.blocks.all().delete()


def _rows(run: ImportRun) -> Iterator[Row]:
    return read_rows(
        sources=[Source(f"The file of import {run.public_id}", JSONL)],
        start=runs.place_of(run),
        open_bytes=lambda _name: io.BufferedReader(_StoredFile(run), BLOCK_BYTES),
    )


class _StoredFile(io.RawIOBase):
    """Reads the blocks of a run as one file, one block in memory."""

    def __init__(self, run: ImportRun) -> None:
        self._blocks = run.blocks.order_by("-offset")
        self._block = ImportBlock(offset=0, content=b"")
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence != io.SEEK_SET:
            raise io.UnsupportedOperation("Only from the beginning.")
        self._at = offset
        return offset

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: "WriteableBuffer") -> int:
        view = memoryview(buffer).cast("B")
        place = self._at - self._block.offset
        if not 0 <= place < len(self._block.content):
            self._block = self._blocks.filter(offset__lte=self._at).first() or self._block
            place = self._at - self._block.offset
        part = memoryview(self._block.content)[place : place + len(view)]
        view[: len(part)] = part
        self._at += len(part)
        return len(part)
