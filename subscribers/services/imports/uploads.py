"""Files that come in from a browser: stored part by part, then looked through by the worker, until
somebody says what its columns are and whether the rows are tried or imported.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from django.conf import settings
from django.db import transaction

from subscribers.models import ImportBlock, ImportPart, ImportRun, Workspace
from subscribers.rows.row import InvalidFile
from subscribers.rows.survey import Wishes
from subscribers.services.imports import runs

Stage, Status = ImportRun.Stage, ImportRun.Status
MOST_PART_BYTES = 4 * 2**20
# Files of one workspace that wait for something, and as many that may be resumed.
MOST_WAITING = 20
_WAITING = (Status.UPLOADING, Status.READY, Status.QUEUED, Status.RUNNING)
_MIB = 2**20


class WrongPart(ValueError):
    """A part does not follow what is stored; `stored_bytes` says where the next one begins."""

    code = "WRONG_PART"

    def __init__(self, *, stored_bytes: int) -> None:
        self.stored_bytes = stored_bytes
        super().__init__(f"The next part begins at byte {stored_bytes:,}.")


class NotUploading(RuntimeError):
    """The import takes no more parts: it was cancelled, or has its whole file."""

    code = "NOT_UPLOADING"

    def __init__(self) -> None:
        super().__init__("The upload has ended or was cancelled: upload the file again.")


class NotWaiting(RuntimeError):
    """The import goes on or has ended, so that nothing can be said about its columns."""

    code = "NOT_WAITING"

    def __init__(self) -> None:
        super().__init__("The import is not waiting for an answer.")


class Dialect(msgspec.Struct, frozen=True, kw_only=True):
    """How the file is written; what is empty is as the file itself has it."""

    format: str = ""
    encoding: str = ""
    delimiter: str = ""
    sheet: str = ""


class Upload(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What is kept in the options of an uploaded file's run."""

    # Of the whole file.
    size: int
    dialect: Dialect = Dialect()
    wishes: Wishes = Wishes()
    # By the names of the commands' options.
    chosen: dict[str, Any] = {}
    # Of each file that is read, the names of those in an archive.
    names: tuple[str, ...] = ()
    # Of each file; None for objects.
    tables: tuple[tuple[str, ...] | None, ...] = ()
    # Whether the run's mapping is what the rows are read by, not a proposal.
    is_decided: bool = False
    # Whether an import or a dry run waits until somebody has seen the columns as they are read now.
    is_put_off: bool = False
    # How often the worker began to look through it, and was killed at it.
    begun: int = 0


def upload_of(run: ImportRun) -> Upload:
    return msgspec.convert(run.options, Upload)


def begin(
    *, workspace: Workspace, kind: str, name: str, size: int, actor: str, now: datetime
) -> ImportRun:
    """Open the run of a file of `size` bytes, whose parts are to come. Atomic.

    Raises `InvalidFile`.
    """
    most = settings.MAX_UPLOAD_BYTES
    if not 0 < size <= most:
        what = f"has {size / _MIB:,.0f} MiB" if size else "is empty"
        raise InvalidFile(
            f"{name} {what}; files of 1 byte to {most // _MIB:,} MiB can be uploaded here. "
            f"manage.py import_{kind} takes files of any size."
        )
    files = ImportRun.objects.filter(workspace=workspace).exclude(stage="")
    waiting = files.filter(status__in=_WAITING, finished_at=None)
    if waiting.count() >= MOST_WAITING:
        raise InvalidFile(
            f"{MOST_WAITING} uploaded files of the workspace wait already: import or cancel one."
        )
    ended = files.filter(status__in=[Status.INTERRUPTED, Status.FAILED]).order_by("-id")
    too_many = list(ended.values_list("pk", flat=True)[MOST_WAITING:])
    for model in (ImportPart, ImportBlock):
        model.objects.filter(run__in=too_many).delete()
    return runs.begin(
        workspace=workspace,
        kind=kind,
        files=[name],
        options=msgspec.to_builtins(Upload(size=size)),
        actor=actor,
        now=now,
        status=Status.UPLOADING,
        stage=Stage.LOOK,
        stored_bytes=0,
    )


def add_part(*, run: ImportRun, offset: int, content: bytes, now: datetime) -> ImportRun:
    """Store a part; with the last one the worker looks through the file. Atomic; locks the run.

    The same part may come twice. Raises `WrongPart` and `NotUploading`.
    """
    with transaction.atomic():
        run = ImportRun.objects.select_for_update().get(pk=run.pk)
        stored, size = run.stored_bytes or 0, upload_of(run).size
        end = offset + len(content)
        is_next = offset == stored and content and end <= size
        if run.status != Status.UPLOADING or not is_next:
            if run.parts.filter(offset=offset).exists() and end <= stored:
                # Sent again.
                return run
            if run.status != Status.UPLOADING:
                raise NotUploading
            raise WrongPart(stored_bytes=stored)
        ImportPart.objects.create(run=run, offset=offset, content=content)
        run.stored_bytes, run.updated_at = end, now
        if end == size:
            run.status = Status.QUEUED
        run.save(update_fields=["stored_bytes", "updated_at", "status"])
    return run


def answer(
    *,
    run: ImportRun,
    stage: ImportRun.Stage,
    dialect: Dialect,
    wishes: Wishes,
    chosen: Mapping[str, Any],
    actor: str,
    now: datetime,
) -> ImportRun.Stage:
    """Store how to read the file, and queue a look, a dry run or the import. Atomic; locks the run.

    Where the file is now read in another way, a look comes first, whatever was asked for: its
    columns must be seen. Raises `NotWaiting`, also where the file was looked through since `run`
    was read.
    """
    with transaction.atomic():
        token = run.token
        run = ImportRun.objects.select_for_update().get(pk=run.pk)
        if run.status != Status.READY or run.token != token:
            raise NotWaiting
        before = upload_of(run)
        is_put_off = False
        if is_read_otherwise(before, dialect=dialect, chosen=chosen):
            # The rows that are kept were read otherwise.
            run.total_rows = None
            is_put_off = stage != Stage.LOOK
            stage = Stage.LOOK
        kept = msgspec.structs.replace(
            before,
            dialect=dialect,
            wishes=wishes,
            chosen=dict(chosen),
            is_decided=False,
            is_put_off=is_put_off,
            begun=0,
        )
        run.options, run.stage, run.status = msgspec.to_builtins(kept), stage, Status.QUEUED
        run.actor, run.updated_at, run.last_error = actor, now, ""
        runs.forget_counts(run)
        run.save()
    return stage


def is_read_otherwise(upload: Upload, *, dialect: Dialect, chosen: Mapping[str, Any]) -> bool:
    """Tell whether an answer makes other columns of the file than those that were shown."""
    return dialect != upload.dialect or chosen.get("from") != upload.chosen.get("from")


def tables_of(run: ImportRun) -> Sequence[tuple[str, ...] | None]:
    """Return the columns of the stored tables; none where the rows came by the API."""
    return upload_of(run).tables if run.stage else ()
