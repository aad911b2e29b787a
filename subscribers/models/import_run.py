"""Import runs: their files, options, progress and rejected rows."""

from datetime import datetime
from typing import ClassVar

from django.db import models

from subscribers.ids import encode, new_id
from subscribers.models.api_key import ApiKey
from subscribers.models.workspace import Workspace


class ImportRun(models.Model):
    """One import; counts and checkpoint are stored together with the rows that they count."""

    class Kind(models.TextChoices):
        EVENTS = "events", "Events"
        SUBSCRIBERS = "subscribers", "Subscribers"

    class Status(models.TextChoices):
        # Of a file that comes in from a browser, part by part.
        UPLOADING = "uploading", "Being uploaded"
        # The file was looked through: somebody must say how to go on.
        READY = "ready", "Waiting for your answer"
        # Of a stored file: the worker's next slice is to come.
        QUEUED = "queued", "Waiting for the worker"
        RUNNING = "running", "Running"
        INTERRUPTED = "interrupted", "Interrupted"
        FAILED = "failed", "Failed"
        FINISHED = "finished", "Finished"

    class Stage(models.TextChoices):
        """What the worker does with an uploaded file."""

        LOOK = "look", "Looking through the file"
        DRY_RUN = "dry_run", "Dry run"
        IMPORT = "import", "Import"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(
        Workspace, on_delete=models.CASCADE, db_index=False, related_name="import_runs"
    )
    kind = models.CharField(max_length=11, choices=Kind)
    status = models.CharField(max_length=11, choices=Status, default=Status.RUNNING)
    # The files' names, as given.
    files = models.JSONField(default=list)
    # A run is resumed with the same files and options.
    options = models.JSONField(default=dict)
    # How the columns are read (`rows.plans.ColumnPlan`); null for runs of earlier releases.
    mapping = models.JSONField(null=True, blank=True)
    # SHA-256 of kind, files and options.
    fingerprint = models.CharField(max_length=64)
    # Held by the process at work; one that resumes the run sets a new token.
    token = models.UUIDField(default=new_id)
    actor = models.CharField(max_length=150, blank=True, default="")
    started_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    # The checkpoint: where the next row begins, in the bytes of the uncompressed file.
    file_index = models.PositiveIntegerField(default=0)
    byte_offset = models.PositiveBigIntegerField(default=0)
    line = models.PositiveBigIntegerField(default=0)
    # How long the rejects file was then.
    rejects_bytes = models.PositiveBigIntegerField(default=0)
    rows = models.PositiveBigIntegerField(default=0)
    recorded = models.PositiveBigIntegerField(default=0)
    duplicates = models.PositiveBigIntegerField(default=0)
    rejected = models.PositiveBigIntegerField(default=0)
    subscribers_created = models.PositiveBigIntegerField(default=0)
    definitions_created = models.PositiveBigIntegerField(default=0)
    confirmations_queued = models.PositiveBigIntegerField(default=0)
    # Known people whom the rows unsubscribed or suppressed; runs of earlier releases say 0.
    people_left = models.PositiveBigIntegerField(default=0, db_default=0)
    # Events recorded for the address, whose external id is not its person's.
    conflicts = models.PositiveBigIntegerField(default=0, db_default=0)
    # How many rows were rejected for each reason.
    reasons = models.JSONField(default=dict)
    # When the earliest and the latest event of the run occurred.
    oldest_at = models.DateTimeField(null=True, blank=True)
    newest_at = models.DateTimeField(null=True, blank=True)
    last_error = models.TextField(blank=True, default="")
    # Empty for files of commands and of the API.
    stage = models.CharField(max_length=7, choices=Stage, blank=True, default="", db_default="")
    # The size of a file that is stored in blocks and taken in by the worker; else None.
    stored_bytes = models.PositiveBigIntegerField(null=True, blank=True)
    # None where the file must be read to its end to know; of an uploaded file also while its
    # blocks are not all of its rows, as they are read anew.
    total_rows = models.PositiveBigIntegerField(null=True, blank=True)
    # The key of the request that gave the file, for the ledger and the breakers.
    api_key = models.ForeignKey(
        ApiKey, models.SET_NULL, null=True, blank=True, db_index=False, related_name="+"
    )
    # SHA-256 of a repeatable request: its key, and all that it gives.
    request_hash = models.CharField(max_length=64, null=True, blank=True)  # noqa: DJ001 - unique

    class Meta:
        verbose_name = "import"
        verbose_name_plural = "imports"
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(
                    rows=models.F("recorded") + models.F("duplicates") + models.F("rejected")
                ),
                name="import_run_accounts_for_every_row",
            ),
            models.UniqueConstraint(
                fields=["workspace", "request_hash"], name="import_run_once_a_request"
            ),
        ]
        indexes: ClassVar = [
            # The latest run that can be resumed, and the admin's list of a workspace.
            models.Index(fields=["workspace", "-id"], name="import_run_newest"),
            # What the worker goes on with.
            models.Index(
                fields=["updated_at"],
                name="import_run_under_way",
                condition=models.Q(finished_at=None, stored_bytes__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} from {', '.join(map(str, self.files))}"

    @property
    def public_id(self) -> str:
        return encode("imp", self.id)

    @property
    def is_dry_run(self) -> bool:
        """Whether rows are rolled back: a command's dry run is not even stored itself."""
        return self._state.adding or self.stage == self.Stage.DRY_RUN

    @property
    def progress(self) -> str:
        """How many rows are done, in words."""
        return (
            f"{self.rows:,} of {self.total_rows:,} rows"
            if self.total_rows
            else f"{self.rows:,} rows"
        )

    @property
    def is_ready(self) -> bool:
        """Whether somebody must say how to go on."""
        return self.status == self.Status.READY

    @property
    def is_under_way(self) -> bool:
        """Whether the worker is at the file, or comes to it."""
        is_stored = self.stored_bytes is not None
        return is_stored and self.status in {self.Status.QUEUED, self.Status.RUNNING}

    def has_file(self) -> bool:
        """Return whether rows or the file are stored. One query or two."""
        return self.blocks.exists() or self.parts.exists()

    def hand_back(self) -> None:
        """Let another slice begin at the checkpoint, under a new token; the caller has the lock."""
        if self.status == self.Status.RUNNING:
            self.status = self.Status.QUEUED
        self.token = new_id()
        self.save(update_fields=["status", "token"])

    def forget_parts(self) -> None:
        """Delete an uploaded file as it came, since somebody in it may be erased. Its rows stay
        where all are kept; else the import has ended. The caller has the lock.
        """
        is_gone = bool(self.parts.all().delete()[0])
        is_answered = self.stage != self.Stage.LOOK or self.status == self.Status.READY
        if not is_gone or (self.total_rows is not None and is_answered):
            return
        self.blocks.all().delete()
        self.status, self.token = self.Status.INTERRUPTED, new_id()
        self.last_error = (
            "Somebody was erased while the file waited, so it was deleted: upload it again."
        )
        self.save(update_fields=["status", "token", "last_error"])

    def mark_resumed(self, *, actor: str, at: datetime) -> None:
        """Set a new token: the process that had the old one can no longer move the run on."""
        self.status = self.Status.RUNNING
        self.token = new_id()
        self.actor = actor
        self.updated_at = at
        self.finished_at = None
        self.last_error = ""
        self.save(
            update_fields=["status", "token", "actor", "updated_at", "finished_at", "last_error"]
        )


class ImportPart(models.Model):
    """A piece of an uploaded file, as it came; deleted when the import begins."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    run = models.ForeignKey(ImportRun, models.CASCADE, db_index=False, related_name="parts")
    # Where it begins in the file, in bytes.
    offset = models.PositiveBigIntegerField()
    content = models.BinaryField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["run", "offset"], name="import_part_once"),
        ]

    def __str__(self) -> str:
        return f"from byte {self.offset}"


class ImportBlock(models.Model):
    """Rows of a stored file, as lines of `rows.kept_rows`; deleted when the import has finished."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    run = models.ForeignKey(ImportRun, models.CASCADE, db_index=False, related_name="blocks")
    # Where it begins in the file, in bytes.
    offset = models.PositiveBigIntegerField()
    content = models.BinaryField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["run", "offset"], name="import_block_once"),
        ]

    def __str__(self) -> str:
        return f"from byte {self.offset}"


class ImportReject(models.Model):
    """A rejected row; a run keeps its first ones, for the admin. Erasure searches them."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    run = models.ForeignKey(ImportRun, models.CASCADE, db_index=False, related_name="rejects")
    file_index = models.PositiveIntegerField(default=0)
    line = models.PositiveBigIntegerField()
    field = models.CharField(max_length=200, blank=True, default="")
    reason = models.TextField()
    # The row as JSON, `{"row": its text}` where it could not be read; empty where it is too long.
    row = models.TextField(blank=True, default="")

    class Meta:
        indexes: ClassVar = [
            # The download, in the order of the files.
            models.Index(fields=["run", "id"], name="import_reject_by_run"),
        ]

    def __str__(self) -> str:
        return f"line {self.line}"
