"""The worker looks through an uploaded file: it keeps the rows, and decides what columns are."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
from subscribers.rows.row import InvalidFile, Row
from subscribers.rows.survey import check_needs, survey
from subscribers.services.imports import blocks, runs, uploads
from subscribers.services.imports.file_kinds import FileKind

Stage, Status = ImportRun.Stage, ImportRun.Status
GONE = "The file of the import is no longer stored: give it again."
# A task of the worker is ended after a minute.
LONGEST = timedelta(seconds=45)
# What the rows of an uploaded file may come to, archives unpacked.
MOST_KEPT_BYTES = 2**30
ROWS_BETWEEN_LOOKS = 10_000
_ODD = re.compile(r"[^\w.\- ]")


def decide(*, run: ImportRun, kind: FileKind, clock: Callable[[], datetime]) -> None:
    """Look through a file, and store how its columns are read; then the run waits for an answer, or
    for the worker. What the file lacks is the run's error. Raises `TakenOver`.
    """
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
    )
    changes = {} if plan is None else {"mapping": runs.plain(as_stored(plan))}
    held = ImportRun.objects.filter(pk=run.pk, token=run.token)
    is_held = held.update(
        **changes,
        total_rows=looked.count,
        last_error=storable(fault),
        options=runs.plain(msgspec.to_builtins(kept)),
        status=Status.QUEUED if is_decided else Status.READY,
        updated_at=clock(),
    )
    if is_held and is_decided and run.stage == Stage.IMPORT:
        run.parts.all().delete()


class _Looked:
    """A file that is read: its parts, of which the rows are kept, or the kept rows."""

    def __init__(self, run: ImportRun, kind: FileKind, clock: Callable[[], datetime]) -> None:
        self.upload = uploads.upload_of(run)
        self.names, self.tables = list(self.upload.names), list(self.upload.tables)
        self.count = 0
        self._run, self._kind, self._clock = run, kind, clock
        self._until = clock() + LONGEST

    def plan(self, *, is_refused: bool) -> tuple[ColumnPlan | None, str]:
        """Return the plan of the columns, and what is wrong with the file."""
        name, kind, chosen = self._run.files[0], self._kind, self.upload.chosen
        wishes, fault, found = self.upload.wishes, "", None
        self.count = 0
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
            with TemporaryDirectory() as folder:
                try:
                    yield self._unpacked(Path(folder))
                except InvalidFile as error:
                    raise InvalidFile(str(error).replace(f"{folder}/", "")) from error
        elif self._run.blocks.exists():
            yield map(self._counted, blocks.read(run=self._run, tables=self.tables))
        else:
            raise InvalidFile(GONE)

    def _unpacked(self, folder: Path) -> Iterator[Row]:
        """Return the rows of the file as it came, which are kept on the way."""
        run, dialect = self._run, self.upload.dialect
        # As its own file, so that archives and workbooks are read by the commands' readers.
        path = folder / f"{_ODD.sub('_', Path(run.files[0]).name)[-100:]}"
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
        for source in sources:
            check_encoding(source)
        headers = list(map(read_header, sources))
        self.names = [source.name.removeprefix(f"{folder}/") for source in sources]
        self.tables = [None if header is None else header.columns for header in headers]
        self._tell()
        run.blocks.all().delete()
        return self._kept(read_rows(sources=sources))

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
        if self._clock() > self._until:
            raise InvalidFile(
                f"{self._run.files[0]} takes longer than {LONGEST.seconds} seconds to look "
                f"through: import it by manage.py import_{self._run.kind}."
            )
        return row
