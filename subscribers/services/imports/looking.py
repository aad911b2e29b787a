"""The worker looks through an uploaded file: it keeps the rows, and decides what columns are."""

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from django.db import transaction

from subscribers.models import ImportRun
from subscribers.rows import kept_rows
from subscribers.rows.faults import storable
from subscribers.rows.files import check_encoding, read_header, read_rows, sources_of
from subscribers.rows.plans import ColumnPlan, as_stored
from subscribers.rows.row import InvalidFile, Meter, Row
from subscribers.rows.survey import check_needs, survey
from subscribers.services.imports import blocks, runs, uploads
from subscribers.services.imports.file_kinds import FileKind

Stage, Status = ImportRun.Stage, ImportRun.Status
GONE = "The file of the import is no longer stored: upload or send it again."
# A task of the worker is ended after a minute.
LONGEST = timedelta(seconds=45)
# What the rows of an uploaded file may come to, archives unpacked.
MOST_KEPT_BYTES = 2**30
ROWS_BETWEEN_LOOKS = 10_000
# A worker that is killed at a file, by its memory or time, is killed again.
MOST_BEGUN = 2
_FOLDER = "cueline-import-"
# Older folders are of workers that were killed.
_OLD_SECONDS = 600
_ODD = re.compile(r"[^\w.\- ]")


def decide(*, run: ImportRun, kind: FileKind, clock: Callable[[], datetime]) -> None:
    """Look through a file, and store how its columns are read; then the run waits for an answer, or
    for the worker. What the file lacks is the run's error. Raises `TakenOver`.
    """
    _count_begun(run)
    is_look = run.stage == Stage.LOOK
    looked = _Looked(run, kind, clock)
    plan, fault = looked.plan(is_refused=not is_look)
    if plan is None and not is_look:
        # What is undecided is shown, to be chosen.
        plan, _ = looked.plan(is_refused=False)
    is_decided = not is_look and not fault
    kept = msgspec.structs.replace(
        looked.upload,
        names=tuple(looked.names),
        tables=tuple(looked.tables),
        is_decided=is_decided,
        begun=0,
    )
    changes = {} if plan is None else {"mapping": runs.plain(as_stored(plan))}
    held = ImportRun.objects.filter(pk=run.pk, token=run.token)
    with transaction.atomic():
        is_held = held.update(
            **changes,
            total_rows=looked.count if looked.is_whole else None,
            last_error=storable(fault),
            options=runs.plain(msgspec.to_builtins(kept)),
            status=Status.QUEUED if is_decided else Status.READY,
            updated_at=clock(),
        )
        if is_held and is_decided and run.stage == Stage.IMPORT:
            run.parts.all().delete()


def _count_begun(run: ImportRun) -> None:
    """Note that a look begins, while the run is held; raises `InvalidFile` at the third in vain."""
    upload = uploads.upload_of(run)
    begun = upload.begun + 1 if upload.begun < MOST_BEGUN else 0
    noted = msgspec.to_builtins(msgspec.structs.replace(upload, begun=begun))
    ImportRun.objects.filter(pk=run.pk, token=run.token).update(options=runs.plain(noted))
    if not begun:
        raise InvalidFile(
            f"{run.files[0]} takes too much time or memory to look through: import it by "
            f"manage.py import_{run.kind}."
        )


class _Watch(Meter, kw_only=True):
    """Stops the reading when the time is over."""

    check: Callable[[], None]

    def note(self) -> None:
        self.check()


def _sweep(folder: Path) -> None:
    """Delete what killed workers left beside a folder that is new."""
    now = folder.stat().st_mtime
    for other in folder.parent.glob(f"{_FOLDER}*"):
        with suppress(OSError):
            if now - other.stat().st_mtime > _OLD_SECONDS:
                shutil.rmtree(other, ignore_errors=True)


class _Looked:
    """The rows of a run: of its file, from which they are stored in blocks, or of these blocks."""

    def __init__(self, run: ImportRun, kind: FileKind, clock: Callable[[], datetime]) -> None:
        self.upload = uploads.upload_of(run)
        self.names, self.tables = list(self.upload.names), list(self.upload.tables)
        self.count = 0
        # Whether all rows were read, and are kept.
        self.is_whole = False
        self._run, self._kind, self._clock = run, kind, clock
        self._until = clock() + LONGEST

    def plan(self, *, is_refused: bool) -> tuple[ColumnPlan | None, str]:
        """Return the plan of the columns, and what is wrong with the file."""
        name, kind, chosen = self._run.files[0], self._kind, self.upload.chosen
        wishes, fault, found = self.upload.wishes, "", None
        self.count, self.is_whole = 0, False
        try:
            with self._opened() as rows:
                try:
                    wishes = kind.completed(
                        wishes, chosen, list(zip(self.names, self.tables, strict=True))
                    )
                except InvalidFile as error:
                    if is_refused:
                        raise
                    # The columns are shown all the same.
                    fault = str(error)
                found = survey(
                    rows=rows,
                    fields=kind.fields(chosen),
                    wishes=wishes,
                    name=name,
                    is_whole=True,
                    is_refused=is_refused,
                )
            check_needs(plan=found, needs=kind.needs(chosen), name=name)
        except InvalidFile as error:
            return found, fault or str(error)
        return found, fault or ("" if found.rows else f"{name} has no row that can be read.")

    @contextmanager
    def _opened(self) -> Iterator[Iterator[Row]]:
        """Yield the rows, all of them; names and columns of the files are known then."""
        if self._run.parts.exists():
            with TemporaryDirectory(prefix=_FOLDER) as folder:
                _sweep(Path(folder))
                try:
                    yield self._to_the_end(self._unpacked(Path(folder)))
                except InvalidFile as error:
                    raise InvalidFile(str(error).replace(f"{folder}/", "")) from error
        elif self._run.blocks.exists():
            rows = blocks.read(run=self._run, tables=self.tables)
            yield self._to_the_end(map(self._counted, rows))
        else:
            raise InvalidFile(GONE)

    def _to_the_end(self, rows: Iterator[Row]) -> Iterator[Row]:
        yield from rows
        self.is_whole = True

    def _unpacked(self, folder: Path) -> Iterator[Row]:
        """Return the rows of the file as it came, which are kept on the way."""
        run, dialect = self._run, self.upload.dialect
        # As its own file, so that archives and workbooks are read by the commands' readers.
        bare = _ODD.sub("_", Path(run.files[0]).name)[-100:]
        path = folder / (bare if bare.strip(". ") else "file")
        with path.open("wb") as file:
            for part in run.parts.order_by("offset").iterator(chunk_size=1):
                file.write(part.content)
        sources = [
            source
            for source in sources_of(
                str(path),
                format=dialect.format or None,
                encoding=dialect.encoding,
                delimiter=dialect.delimiter,
                sheet=dialect.sheet,
            )
            if self._kind.is_taken(self.upload.chosen, source.name)
        ]
        if not sources:
            raise InvalidFile(f"{run.files[0]} has no file that such an import reads.")
        watch = _Watch(check=self._check_time)
        for source in sources:
            check_encoding(source, meter=watch)
        headers = [read_header(source, meter=watch) for source in sources]
        self.names = [source.name.removeprefix(f"{folder}/") for source in sources]
        self.tables = [None if header is None else header.columns for header in headers]
        with transaction.atomic():
            self._tell()
            # Until all rows are kept, as `forget_parts` asks.
            ImportRun.objects.filter(pk=run.pk).update(total_rows=None)
            run.blocks.all().delete()
        return self._kept(read_rows(sources=sources, meter=watch))

    def _kept(self, rows: Iterator[Row]) -> Iterator[Row]:
        lines: list[bytes] = []
        size = end = 0
        for row in map(self._counted, rows):
            lines.append(kept_rows.as_line(row))
            size += len(lines[-1])
            yield row
            if size >= blocks.BLOCK_BYTES:
                end, size = self._store(lines, end), 0
        self._store(lines, end)

    def _store(self, lines: list[bytes], offset: int) -> int:
        if offset > MOST_KEPT_BYTES:
            raise InvalidFile(
                f"{self._run.files[0]} unpacks to more than {MOST_KEPT_BYTES // 2**20:,} MiB: "
                f"import it by manage.py import_{self._run.kind}."
            )
        for content in blocks.joined(lines):
            with transaction.atomic():
                self._tell()
                offset = blocks.store(run=self._run, offset=offset, content=content)
        lines.clear()
        return offset

    def _tell(self) -> None:
        runs.touch(run=self._run, now=self._clock())

    def _counted(self, row: Row) -> Row:
        """Count a row; now and then look at the clock, and show that the worker is alive."""
        self.count += 1
        if self.count % ROWS_BETWEEN_LOOKS:
            return row
        self._tell()
        self._check_time()
        return row

    def _check_time(self) -> None:
        if self._clock() > self._until:
            raise InvalidFile(
                f"{self._run.files[0]} takes longer than {LONGEST.seconds} seconds to look "
                f"through: import it by manage.py import_{self._run.kind}."
            )
