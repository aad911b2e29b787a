"""The smallest import: each row names a tag; for trying the frame that all imports share."""

import io
import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from django.core.management import CommandError, call_command

from subscribers.management.importing import ImportCommand
from subscribers.models import ImportRun, Tag, Workspace
from subscribers.rows.columns import Fields
from subscribers.rows.plans import ColumnPlan
from subscribers.rows.row import Row
from subscribers.services.imports.file_kinds import FileKind, Options
from subscribers.services.imports.loop import Parsed, RowsOutcome
from subscribers.services.imports.runs import Counted, Rejected
from subscribers.wire.payloads import Fault


class TagImporter:
    """Makes the tag that a row's column `tag` names; one that is there is a duplicate."""

    rows_in_batch = 2
    is_read_ahead = False

    def __init__(self, workspace: Workspace, column: str, before_batch: Callable[[], None]) -> None:
        self.workspace = workspace
        self.column = column
        self.before_batch = before_batch

    def parse(self, row: Row) -> Parsed[str]:
        name = (row.fields or {}).get(self.column)
        if not name:
            return Parsed(row, None, (Fault("tag", "is needed."),))
        return Parsed(row, name)

    def is_alone(self, value: str) -> bool:  # noqa: ARG002 - the port's
        return False

    def record(self, parsed: Sequence[Parsed[str]], *, now: datetime) -> RowsOutcome:  # noqa: ARG002 - the port's
        self.before_batch()
        counted, rejected = Counted(), []
        for each in parsed:
            if each.value is None:
                rejected.append(Rejected(each.row, each.faults))
                counted.reject(rejected[-1])
                continue
            _, is_new = Tag.objects.get_or_create(workspace=self.workspace, name=each.value)
            counted.add(Counted(rows=1, recorded=int(is_new), duplicates=int(not is_new)))
        return RowsOutcome(counted, rejected)

    def record_alone(self, parsed: Parsed[str], *, now: datetime, before_commit: Any) -> None:
        raise NotImplementedError

    def forget(self) -> None:
        """Nothing is remembered."""


FIELDS = Fields(cells={"tag": None}, prefix="tag.", object_name="tags")


class ImportTags(ImportCommand):
    """Imports tags, as events would be; `before_batch` runs within each batch's transaction."""

    kind = ImportRun.Kind.EVENTS

    def __init__(self, before_batch: Callable[[], None] = lambda: None) -> None:
        super().__init__()
        self.before_batch = before_batch
        self.followed: list[str] = []

    @property
    def files(self) -> FileKind:  # type: ignore[override] # each command here has its own
        return FileKind(
            fields=lambda _options: FIELDS,
            needs=lambda _options: (),
            completed=lambda wishes, _options, _files: wishes,
            is_taken=lambda _options, _name: True,
            importer=self._importer,
        )

    def _importer(self, run: ImportRun, options: Options, _plan: ColumnPlan) -> TagImporter:
        renamed = options.get("map", {})
        column = next((theirs for theirs, ours in renamed.items() if ours == "tag"), "tag")
        return TagImporter(run.workspace, column, self.before_batch)

    def after_run(self, *, run: ImportRun, now: datetime) -> None:  # noqa: ARG002 - the frame's
        self.followed.append(run.status)


class Ran:
    """What a command did: its exit code, and what it wrote."""

    def __init__(self, *arguments: str, command: ImportCommand | None = None) -> None:
        out, errors = io.StringIO(), io.StringIO()
        self.error = ""
        self.code = 0
        try:
            call_command(command or ImportTags(), *arguments, stdout=out, stderr=errors)
        except SystemExit as ended:
            self.code = int(ended.code or 0)
        except CommandError as error:
            self.code, self.error = error.returncode, str(error)
        self.out, self.errors = out.getvalue(), errors.getvalue()

    @property
    def result(self) -> dict[str, Any]:
        """The object on the last line."""
        return dict(json.loads(self.out.splitlines()[-1]))


def tag_names() -> set[str]:
    """Return all tags."""
    return set(Tag.objects.values_list("name", flat=True))
