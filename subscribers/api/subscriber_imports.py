"""`/subscribers/imports`: thousands of people in one request, taken in by the worker."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from django.db import IntegrityError, transaction
from msgspec import UNSET

from subscribers import ids
from subscribers.api.calls import (
    Answered,
    ResourceView,
    Shape,
    Warned,
    id_in_path,
    no_such_row,
    reads,
    writes,
)  # fmt: skip
from subscribers.api.errors import ApiError
from subscribers.api.inputs import Inputs, Reads, inputs, schema_of
from subscribers.api.subscriber_inputs import (
    UNUSED,
    Attributes,
    ClearableText,
    ListNames,
    Mode,
    NewStatus,
    Strategy,
    TagNames,
    read_zone,
)
from subscribers.api.subscribers import names_of_lists
from subscribers.api.values import Count, Email, ExternalId, Flag, ImportId, Moment, text_word
from subscribers.models import ImportRun
from subscribers.models.api_key import Scope
from subscribers.rows import kept_rows
from subscribers.services.audience import lists
from subscribers.services.consent.ledger import LONGEST_ACTOR
from subscribers.services.imports import stored
from subscribers.services.imports.people import (
    Duplicates,
    OptInMode,
    RequestedImport,
    requested_import,
)
from subscribers.services.people import changing
from subscribers.wire import addresses, json_gate
from subscribers.wire.nearest import did_you_mean
from subscribers.wire.payloads import (
    Fault,
    InvalidField,
    InvalidRequest,
    read_moment,
    type_name,
)

MOST_ROWS = 5000
# Each keeps a body in the database.
MOST_UNDER_WAY = 100
# So many rows a chunk, in the answer.
CHUNK_ROWS = 500
MOST_FAULTS = 20
MOST_WARNINGS = 100
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
ImportOfPath = Annotated[UUID, id_in_path("imp")]


@inputs
class ImportedSubscriber(Inputs):
    """A row. Only its names and `createdAt` are checked at once, the rest when it is taken in."""

    unused = UNUSED

    email: Email | None = None
    external_id: ExternalId | None = None
    first_name: ClearableText = ""
    last_name: ClearableText = ""
    timezone: Annotated[str, Reads(str, {"type": "string"})] | None = None
    custom_attributes: Attributes | None = None
    status: NewStatus | None = None
    tags: TagNames | None = None
    created_at: Moment | None = None


NAMES = frozenset(each.wire_name for each in ImportedSubscriber.fields)


def _read_rows(value: object) -> list[Mapping[str, Any]]:
    if not isinstance(value, list):
        raise InvalidField(f"must be an array, not {type_name(value)}.")
    if not 1 <= len(value) <= MOST_ROWS:
        raise InvalidField(f"has {len(value)} elements; 1 to {MOST_ROWS} are allowed.")
    faults: list[Fault] = []
    for place, row in enumerate(value):
        faults += _faults_of(row, f"[{place}]")
        if len(faults) >= MOST_FAULTS:
            break
    if faults:
        raise InvalidRequest(*faults[:MOST_FAULTS])
    return value


def _faults_of(row: object, path: str) -> list[Fault]:
    if not isinstance(row, dict):
        return [Fault(path, f"must be an object, not {type_name(row)}.")]
    unknown = row.keys() - NAMES - UNUSED
    faults = [
        Fault(
            f"{path}.{json_gate.printable(name)}",
            f"is not a field{did_you_mean(name, NAMES) or '.'}",
        )
        for name in sorted(unknown)[:MOST_FAULTS]
    ]
    if row.get("createdAt") is not None:
        try:
            read_moment(row["createdAt"])
        except InvalidField as error:
            faults.append(Fault(f"{path}.createdAt", str(error)))
    return faults


_ROWS = {
    "type": "array",
    "items": schema_of(ImportedSubscriber),
    "minItems": 1,
    "maxItems": MOST_ROWS,
}


@inputs
class NewImport(Inputs):
    """`enrollInSequences`: without it, imported people start no sequence. `idempotencyKey`: the
    same key with the same content is answered with the first import.
    """

    unused = UNUSED

    subscribers: Annotated[list[Mapping[str, Any]], Reads(_read_rows, _ROWS)]
    duplicate_strategy: Strategy = Duplicates.SKIP
    opt_in_mode: Mode = OptInMode.DEFAULT
    enroll_in_sequences: Flag = False
    list_ids: ListNames | None = None
    file_name: Annotated[str, text_word()] | None = None
    idempotency_key: Annotated[str, text_word()] | None = None


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


class ImportsView(ResourceView):
    @writes(
        "Take in up to 5,000 subscribers, in the worker",
        scope=Scope.SUBSCRIBERS_WRITE,
        description="Nobody who has left, bounced or complained gets mail again.",
        example={
            "subscribers": [
                {"email": "ada@example.com", "firstName": "Ada", "tags": ["customer"]},
                {"email": "bob@example.com", "status": "unsubscribed"},
            ],
            "duplicateStrategy": "merge",
        },
    )
    def post(self, given: NewImport) -> NewImportAnswer:
        if stored.under_way(workspace=self.workspace) >= MOST_UNDER_WAY:
            message = f"{MOST_UNDER_WAY} imports of the workspace wait: try again later."
            raise ApiError("RATE_LIMITED", message, headers={"Retry-After": "60"})
        rows, warnings = _without_what_is_unused(given.subscribers)
        with_address, repeated = _counted(rows)
        wanted = RequestedImport(
            duplicates=Duplicates(given.duplicate_strategy),
            opt_in_mode=OptInMode(given.opt_in_mode),
            starts_sequences=given.enroll_in_sequences,
            list_ids=None if given.list_ids is None else self._ids_of_lists(given.list_ids),
            source=changing.SOURCE,
            is_test=self.api_key.is_test,
            request_id=self.circumstances.request_id,
            with_address=with_address,
            repeated=repeated,
        )
        run, is_new = self._begin(given, rows, wanted)
        self.about = run.public_id
        starts = "start" if wanted.starts_sequences else "start no"
        said = f"The worker takes in {len(rows):,} rows, which {starts} sequences."
        if not is_new:
            said = "The same request came before: this is its import."
        return NewImportAnswer(
            import_=_shape_of(run),
            deduplicated=not is_new,
            message=f"{said} GET /subscribers/imports/{run.public_id} says how far it is.",
            warnings=warnings or UNSET,
        )

    def _ids_of_lists(self, given: list[str]) -> tuple[str, ...]:
        """Return the public ids of lists that are given by id or name."""
        names = names_of_lists(self, given, field="listIds")
        id_by_name = lists.ids_by_name(workspace_id=self.workspace.pk)
        return tuple(ids.encode("lst", id_by_name[name]) for name in names)

    def _begin(
        self, given: NewImport, rows: Sequence[Mapping[str, Any]], wanted: RequestedImport
    ) -> tuple[ImportRun, bool]:
        """Return the import, and whether it is new."""
        options = msgspec.to_builtins(wanted)
        lines = [kept_rows.of_object(row, line=line) for line, row in enumerate(rows, start=1)]
        request_hash = None
        if given.idempotency_key is not None:
            # What the same request says again: not its own id.
            said = {**options, "requestId": given.idempotency_key, "file": given.file_name}
            told = json.dumps(said, sort_keys=True).encode() + b"".join(lines)
            request_hash = hashlib.sha256(told).hexdigest()
        try:
            # On its own, so that the request's transaction can go on.
            with transaction.atomic():
                run = stored.begin(
                    workspace=self.workspace,
                    kind=ImportRun.Kind.SUBSCRIBERS,
                    lines=lines,
                    files=[given.file_name or NAMELESS],
                    options=options,
                    actor=f"API key {self.api_key.name}"[:LONGEST_ACTOR],
                    now=self.now,
                    total_rows=len(rows),
                    api_key=self.api_key,
                    request_hash=request_hash,
                )
        except IntegrityError:
            if request_hash is None:
                raise
            first = ImportRun.objects.get(workspace=self.workspace, request_hash=request_hash)
            return first, False
        return run, True


class ImportView(ResourceView):
    @reads("How far an import is, and its result", scope=Scope.SUBSCRIBERS_READ)
    def get(self, *, import_id: ImportOfPath) -> ImportAnswer:
        run = ImportRun.objects.filter(
            workspace=self.workspace, pk=import_id, stage="", total_rows__isnull=False
        ).first()
        return ImportAnswer(import_=_shape_of(run)) if run else no_such_row()


def _without_what_is_unused(
    given: Sequence[Mapping[str, Any]],
) -> tuple[list[dict[str, Any]], list[Warned]]:
    """Return the rows with the fields that are ours, and what is not used of them."""
    rows, warnings, unused = [], [], set()
    for place, each in enumerate(given):
        row = {name: value for name, value in each.items() if name in NAMES}
        unused |= each.keys() - NAMES
        zone = row.get("timezone")
        if zone is not None and zone != "":
            try:
                read_zone(zone)
            except InvalidField as error:
                del row["timezone"]
                words = f"{error} The row is taken in without it."
                warnings.append(Warned(path=f"subscribers[{place}].timezone", message=words))
        rows.append(row)
    if len(warnings) > MOST_WARNINGS:
        more = f"The time zones of {len(warnings) - MOST_WARNINGS} more rows are unknown, too."
        warnings[MOST_WARNINGS:] = [Warned(path="subscribers", message=more)]
    warnings += [
        Warned(path=f"subscribers[].{name}", message="changes nothing here.")
        for name in sorted(unused)
    ]
    return rows, warnings


def _counted(rows: Sequence[Mapping[str, Any]]) -> tuple[int, int]:
    """Return how many rows have an address, and how many name somebody of an earlier row."""
    seen: set[str] = set()
    with_address = repeated = 0
    for row in rows:
        email, external_id = row.get("email"), row.get("externalId")
        key = None
        if isinstance(email, str):
            try:
                key = addresses.parse(email).key
                with_address += 1
            except addresses.InvalidAddress:
                pass
        key = key or (f" {external_id}" if external_id else None)
        repeated += key in seen
        if key is not None:
            seen.add(key)
    return with_address, repeated


def _shape_of(run: ImportRun) -> ImportShape:
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
