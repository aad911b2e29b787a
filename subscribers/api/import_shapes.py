"""An import in answers: how far it is, and its result."""

from datetime import datetime

import msgspec

from subscribers.api.calls import Answered, Shape
from subscribers.api.values import Count, ImportId
from subscribers.models import ImportRun
from subscribers.services.imports.people import requested_import

# The rows of a chunk, which exists in answers only.
CHUNK_ROWS = 500
# The file of a request without a `fileName`.
NAMELESS = "rows of a request"
KNOWN = "is known, and the row changes nothing"
STATUSES = {
    ImportRun.Status.QUEUED: "running",
    ImportRun.Status.RUNNING: "running",
    ImportRun.Status.INTERRUPTED: "cancelled",
    ImportRun.Status.FAILED: "failed",
    ImportRun.Status.FINISHED: "completed",
}


class ImportShape(Shape, kw_only=True):
    """`failedReasons` and `skippedReasons` add up to their counts. A chunk is 500 rows."""

    id: ImportId
    batch_id: ImportId
    file_name: str | None
    status: str
    total_rows: Count
    processed_count: Count
    added_count: Count
    updated_count: Count
    skipped_count: Count
    failed_count: Count
    duplicate_rows: Count
    email_count: Count
    total_chunks: Count
    completed_chunks: Count
    failed_chunks: Count
    skipped_reasons: dict[str, int]
    failed_reasons: dict[str, int]
    failed_chunk_reasons: dict[str, int]
    created_at: datetime
    updated_at: datetime
    completed_at: datetime | None


class ImportAnswer(Answered, kw_only=True):
    import_: ImportShape = msgspec.field(name="import")


class NewImportAnswer(ImportAnswer, kw_only=True):
    deduplicated: bool
    message: str


def shape_of(run: ImportRun) -> ImportShape:
    wanted, total = requested_import(run), run.total_rows or 0
    is_done = run.status == ImportRun.Status.FINISHED
    chunks = -(-total // CHUNK_ROWS)
    public_id = run.public_id
    return ImportShape(
        id=public_id,
        batch_id=public_id,
        file_name=None if run.files == [NAMELESS] else run.files[0],
        status=STATUSES[ImportRun.Status(run.status)],
        total_rows=total,
        processed_count=run.rows,
        added_count=run.subscribers_created,
        updated_count=run.recorded - run.subscribers_created,
        skipped_count=run.duplicates,
        failed_count=run.rejected,
        duplicate_rows=wanted.repeated,
        email_count=wanted.with_address,
        total_chunks=chunks,
        completed_chunks=chunks if is_done else run.rows // CHUNK_ROWS,
        failed_chunks=0,
        skipped_reasons={KNOWN: run.duplicates} if run.duplicates else {},
        failed_reasons=run.reasons,
        failed_chunk_reasons={},
        created_at=run.started_at,
        updated_at=run.updated_at,
        completed_at=run.finished_at if is_done else None,
    )
