"""The base of the import commands; each has its own `files`."""

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import chain
from pathlib import PurePath
from typing import Any, ClassVar

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, InterfaceError
from django.utils import timezone

from subscribers.management import asking_first
from subscribers.management.importing import arguments, opening, reading, result
from subscribers.management.importing.arguments import ImportRequest
from subscribers.management.importing.progress import Progress
from subscribers.management.importing.rejects_file import RejectsFile
from subscribers.management.importing.result import Result
from subscribers.management.importing.stopping import Stopping
from subscribers.models import ImportRun, Workspace
from subscribers.rows import plan_words
from subscribers.rows.files import can_be_read_again, read_header, read_rows
from subscribers.rows.plans import ColumnPlan
from subscribers.rows.row import InvalidFile, Meter, Row, Source
from subscribers.services.imports import loop, runs
from subscribers.services.imports.file_kinds import FileKind, Options
from subscribers.services.imports.loop import Ended
from subscribers.services.imports.runs import KeptNowhere, TakenOver
from subscribers.services.workspaces import installation

# Ends a run from outside; any other error is a fault of ours.
BROKEN_OFF = (InvalidFile, TakenOver, DatabaseError, InterfaceError, OSError)
GO_ON = "Run the same command with --resume to continue."
ON_HOLD = "This is a restored copy on hold: run manage.py resume before you import."


@dataclass(slots=True)
class _Work:
    asked: ImportRequest
    options: dict[str, Any]
    plan: ColumnPlan
    run: ImportRun
    meter: Meter
    rejects: RejectsFile | KeptNowhere
    progress: Progress
    stopping: Stopping
    # Of a pipe, whose first rows the survey has read.
    rows: Iterator[Row] | None


class ImportCommand(BaseCommand):
    """Imports files into a workspace: opens the run, runs the loop, prints the result.

    Exit codes: 0 all is well, 1 failed, 2 usage, 3 some rows were rejected, 130 interrupted.
    """

    # Django's checks load the whole web, two thirds of the start (measured).
    requires_system_checks = ()
    # Of ImportRun.Kind.
    kind: ClassVar[str]
    files: ClassVar[FileKind]
    # Whether all rows are looked at first, or where nothing is to decide, the first thousand.
    is_surveyed_whole: ClassVar[bool] = True

    def add_arguments(self, parser: CommandParser) -> None:
        arguments.add(parser)
        reading.add(parser)
        self.add_own_arguments(parser)

    def add_own_arguments(self, parser: CommandParser) -> None:
        """Add the command's own arguments."""

    def own_options(self, options: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG002 - for others
        """Return the command's own options that change what is imported, as JSON.

        Stored with the run, which is resumed with the same. Raises `arguments.wrong(…)`. `options`
        are the parsed arguments, with `map` as a dict (theirs -> ours).
        """
        return {}

    def warning(self, *, workspace: Workspace, kept: Options, plan: ColumnPlan) -> str:  # noqa: ARG002 - for others
        """Return what a new run does that cannot be taken back; it is asked about first."""
        return ""

    def product_advice(self, *, kept: Options, columns: Sequence[str]) -> str:  # noqa: ARG002 - for others
        """Return a sentence that names the option for the product whose file this looks like."""
        return ""

    def after_run(self, *, run: ImportRun, now: datetime) -> None:
        """Do what follows a run, also an interrupted or failed one (roll-ups)."""

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002 - Django gives them
        of_product = {"from": options.get("preset")}
        asked = arguments.read(options, is_taken=partial(self.files.is_taken, of_product))
        if not asked.is_dry_run and installation.on_hold_since():
            raise CommandError(ON_HOLD)
        options |= {"map": asked.map}
        own = self.own_options(options)
        arguments.check_fields("--map", asked.map.values(), self.files.fields({}))
        kept = own | opening.kept_options(options) | reading.kept_options(options)
        plan, rows = (None, None) if asked.is_resuming else self._look(asked, options, kept)
        if plan is not None:
            self._show(plan, asked)
            warning = self.warning(workspace=asked.workspace, kept=kept, plan=plan)
            if warning and asked.is_dry_run:
                self.stderr.write(warning, style_func=str)
            elif warning:
                asking_first.make_sure(question=f"{warning} Go on?", is_sure=options["yes"])
        run = opening.open_run(
            kind=self.kind, asked=asked, options=kept, plan=plan, say=self.stderr.write
        )
        if plan is None:
            plan = reading.stored_plan(run, options)
            self._show(plan, asked)
        meter, already_read = opening.meter_of(run=run, asked=asked)
        begun = time.monotonic()
        progress = Progress(
            stream=self.stderr._out,  # type: ignore[arg-type] # noqa: SLF001 - bars end no line
            asked=asked,
            meter=meter,
            earlier=result.sums_of(run),
            already_read=already_read,
            is_quiet=options["quiet"],
        )
        with (
            runs.held(run),
            progress,
            Stopping(say=progress.say) as stopping,
            self._rejects(run, asked, plan) as rejects,
        ):
            work = _Work(asked, options, plan, run, meter, rejects, progress, stopping, rows)
            exit_code, error = self._import(work)
        said = Result(
            run=run,
            counted=_sums(work),
            seconds=time.monotonic() - begun,
            exit_code=exit_code,
            is_dry_run=asked.is_dry_run,
            error=error,
        )
        for line in [result.as_json(said)] if options["json"] else result.as_lines(said):
            self.stdout.write(line)
        self._exit(said)

    def _show(self, plan: ColumnPlan, asked: ImportRequest) -> None:
        skipped = (f"not read: {PurePath(name).name}" for name in asked.left_out)
        for line in chain(plan_words.as_lines(plan), skipped):
            self.stderr.write(f"  {line}", style_func=str)

    def _look(
        self, asked: ImportRequest, options: dict[str, Any], kept: Options
    ) -> tuple[ColumnPlan, Iterator[Row] | None]:
        fields = self.files.fields(kept)
        wishes = reading.wishes_of(options=options, fields=fields, zone=asked.workspace.timezone)
        try:
            wishes = self.files.completed(wishes, kept, list(map(_header, asked.sources)))
        except InvalidFile as error:
            raise arguments.wrong(str(error)) from error
        return reading.plan_of(
            asked=asked,
            fields=fields,
            wishes=wishes,
            needs=self.files.needs(kept),
            is_whole=self.is_surveyed_whole,
            advice=self.product_advice(kept=kept, columns=asked.columns or ()),
        )

    def _rejects(
        self, run: ImportRun, asked: ImportRequest, plan: ColumnPlan
    ) -> RejectsFile | KeptNowhere:
        if asked.rejects is None:
            return KeptNowhere()
        try:
            return RejectsFile(asked.rejects, asked=asked, length=run.rejects_bytes, plan=plan)
        except CommandError as error:
            runs.fail(run=run, now=timezone.now(), error=str(error))
            raise

    def _import(self, work: _Work) -> tuple[int, str]:
        run = work.run
        try:
            ended = self._run_loop(work)
        except KeyboardInterrupt:
            ended = Ended.STOPPED
        except BROKEN_OFF as error:
            return self._fail(work, str(error))
        except Exception as error:
            self._fail(work, f"{type(error).__name__}: {error}")
            raise
        if ended is Ended.ERROR:
            return self._fail(work, f"Stopped before a bad row: {work.progress.last_refused}")
        is_interrupted = ended is Ended.STOPPED or work.stopping.is_cut
        mark = runs.interrupt if is_interrupted else runs.finish
        mark(run=run, now=timezone.now())
        self._follow(work)
        if is_interrupted:
            return result.INTERRUPTED, ""
        return (result.SOME_REJECTED if _sums(work).rejected else result.FINISHED), ""

    def _run_loop(self, work: _Work) -> Ended:
        rows = work.rows or read_rows(
            sources=work.asked.sources, start=runs.place_of(work.run), meter=work.meter
        )
        if not all(map(can_be_read_again, work.asked.sources)):
            rows = work.stopping.cut(rows)
        return loop.run(
            run=work.run,
            rows=rows,
            importer=self.files.importer(work.run, work.run.options, work.plan),
            rejects=work.rejects,
            report=work.progress.report,
            clock=timezone.now,
            should_stop=lambda: work.stopping.is_asked,
            batch_rows=work.options["batch_size"],
            stops_on_error=work.options["stop_on_error"],
        )

    def _fail(self, work: _Work, error: str) -> tuple[int, str]:
        # The database itself may have failed: the checkpoint is stored all the same.
        with suppress(DatabaseError, InterfaceError):
            runs.fail(run=work.run, now=timezone.now(), error=error)
            self._follow(work)
        return result.FAILED, error

    def _follow(self, work: _Work) -> None:
        if not work.asked.is_dry_run:
            self.after_run(run=work.run, now=timezone.now())

    def _exit(self, said: Result) -> None:
        hint = "" if said.is_dry_run else f" {GO_ON}"
        if said.exit_code == result.FAILED:
            raise CommandError(f"{said.error}{hint}", returncode=result.FAILED)
        if said.exit_code == result.INTERRUPTED:
            self.stderr.write(f"Interrupted.{hint}")
        if said.exit_code != result.FINISHED:
            raise SystemExit(said.exit_code)


def _header(source: Source) -> tuple[str, tuple[str, ...] | None]:
    header = read_header(source)
    return source.name, None if header is None else header.columns


def _sums(work: _Work) -> runs.Counted:
    if work.asked.is_dry_run:
        return work.progress.counted
    sums = result.sums_of(work.run)
    if work.run.status == ImportRun.Status.RUNNING:
        # Neither the end nor the sums could be stored.
        sums.add(work.progress.counted)
    return sums
