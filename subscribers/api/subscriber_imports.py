"""`/subscribers/imports`: thousands of people in one request, taken in by the worker."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from uuid import UUID

import msgspec
from django.db import IntegrityError, transaction
from msgspec import UNSET

from subscribers import ids
from subscribers.api.calls import ResourceView, id_in_path, no_such_row, reads, writes
from subscribers.api.errors import ApiError
from subscribers.api.import_inputs import NewImport, count_people, used_fields
from subscribers.api.import_shapes import NAMELESS, ImportAnswer, NewImportAnswer, shape_of
from subscribers.api.subscribers import chosen_lists
from subscribers.models import ImportRun
from subscribers.models.api_key import Scope
from subscribers.rows import kept_rows
from subscribers.services.consent.ledger import LONGEST_ACTOR
from subscribers.services.imports import stored
from subscribers.services.imports.people import Duplicates, OptInMode, RequestedImport
from subscribers.services.people import changing
from subscribers.wire.amounts import counted

# Each keeps a body in the database.
MOST_UNDER_WAY = 100
ImportOfPath = Annotated[UUID, id_in_path("imp")]


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
        rows, warnings = used_fields(given.subscribers)
        with_address, repeated = count_people(rows)
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
        said = "The same request came before: this is its import."
        if is_new:
            starts = "starts" if wanted.starts_sequences else "starts no"
            said = (
                f"The worker takes in {counted(len(rows), 'row', 'rows')} and {starts} sequences."
            )
        return NewImportAnswer(
            import_=shape_of(run),
            deduplicated=not is_new,
            message=f"{said} GET /subscribers/imports/{run.public_id} says how far it is.",
            warnings=warnings or UNSET,
        )

    def _ids_of_lists(self, given: list[str]) -> tuple[str, ...]:
        chosen = chosen_lists(self, given, field="listIds")
        return tuple(ids.encode("lst", list_id) for list_id in chosen)

    def _begin(
        self, given: NewImport, rows: Sequence[Mapping[str, Any]], wanted: RequestedImport
    ) -> tuple[ImportRun, bool]:
        """Return the import, and whether it is new."""
        options = msgspec.to_builtins(wanted)
        lines = [kept_rows.of_object(row, line=line) for line, row in enumerate(rows, start=1)]
        request_hash = None
        if given.idempotency_key is not None:
            # All that a repetition of the request has too: its own id differs.
            same = {**options, "requestId": given.idempotency_key, "file": given.file_name}
            content = json.dumps(same, sort_keys=True).encode() + b"".join(lines)
            request_hash = hashlib.sha256(content).hexdigest()
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
        return ImportAnswer(import_=shape_of(run)) if run else no_such_row()
