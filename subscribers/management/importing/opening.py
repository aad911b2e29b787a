"""Opens the run of an import: a new one, or the interrupted one."""

import getpass
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone

from subscribers.management.importing.arguments import ImportRequest
from subscribers.models import ImportRun
from subscribers.rows.files import bytes_left_out, can_be_read_again, stored_size
from subscribers.rows.plans import ColumnPlan, as_stored
from subscribers.rows.row import Meter
from subscribers.services.imports import runs

SECONDS_BETWEEN_LOOKS = 1


def open_run(
    *,
    kind: str,
    asked: ImportRequest,
    options: Mapping[str, Any],
    plan: ColumnPlan | None,
    say: Callable[[str], None],
) -> ImportRun:
    """Return a new run, or with `--resume` the interrupted one; raises `CommandError`.

    Without its lock file a killed run looks for a minute as if it were running: waits until it has
    been silent for so long, and gives up when it moves on.
    """
    files = [source.name for source in asked.sources]
    if not asked.is_resuming:
        return runs.begin(
            workspace=asked.workspace,
            kind=kind,
            files=files,
            options=options,
            actor=_actor(),
            now=timezone.now(),
            is_dry_run=asked.is_dry_run,
            mapping=None if plan is None else as_stored(plan),
        )
    moved_at = None
    while True:
        try:
            return runs.resume(
                workspace=asked.workspace,
                kind=kind,
                files=files,
                options=options,
                actor=_actor(),
                now=timezone.now(),
            )
        except runs.NothingToResume as error:
            raise CommandError(str(error)) from error
        except runs.StillRunning as error:
            if moved_at not in {None, error.moved_at}:
                raise CommandError(f"It is still running: {error}") from error
            if moved_at is None:
                say(f"{error} Waiting.")
            moved_at = error.moved_at
            time.sleep(SECONDS_BETWEEN_LOOKS)


def meter_of(*, run: ImportRun, asked: ImportRequest) -> tuple[Meter, int]:
    """Return the meter, and how many stored bytes of earlier processes are not read again."""
    meter = Meter()
    for source in asked.sources[: run.file_index]:
        if can_be_read_again(source):
            meter.bytes_read += stored_size(source) or 0
    left_out = bytes_left_out(asked.sources[run.file_index], before=run.byte_offset)
    return meter, meter.bytes_read + left_out


def kept_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the shared options that a resumed run must repeat."""
    names = ("map", "format", "delimiter", "encoding", "sheet")
    kept = {name: options[name] for name in names}
    if options["rejects"]:
        kept["rejects"] = str(options["rejects"])
    return {name: value for name, value in kept.items() if value}


def _actor() -> str:
    # A container's user may have a number and no name.
    with suppress(KeyError, OSError):
        return getpass.getuser()[:150]
    return ""
