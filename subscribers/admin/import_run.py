"""Imports: a file is uploaded; who imported what, the result, and the rejected rows."""

import shlex
from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, StreamingHttpResponse
from django.urls import URLPattern
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from config.admin_base import RowAction
from config.admin_filters import FilteredAdmin, between
from config.readable import NOTHING, bulleted, json_value
from subscribers.admin.import_upload import UploadPages
from subscribers.models import ImportRun
from subscribers.rows import plan_words
from subscribers.rows.plans import NO_PLAN, from_stored
from subscribers.rows.row import STANDARD_INPUT
from subscribers.services.imports import rejects_table, stored
from subscribers.services.imports.runs import MOST_KEPT_REJECTS

RESULT, OF_A_DRY_RUN = "Result", "Result of the dry run: nothing was written"
SHOWN_REJECTS = 20
LONGEST_SHOWN = 300
COLOURS = {
    "Waiting for the worker": "info",
    "Running": "info",
    "Being uploaded": "info",
    "Waiting for your answer": "warning",
    "Interrupted": "warning",
    "Failed": "danger",
    "Finished": "success",
}
DOWNLOAD = RowAction(
    name="rejects",
    label="Download the rejects",
    explanation=f"The first {MOST_KEPT_REJECTS:,} rejected rows as CSV, each with its error. "
    "Correct them there, and import the file.",
)

CANCEL = RowAction(
    name="cancel",
    label="Cancel the import",
    explanation="Imported rows stay. The rest is kept for seven days, to be resumed.",
    is_dangerous=True,
)
RESUME = RowAction(
    name="resume",
    label="Resume the import",
    explanation="The worker continues after the last imported row.",
)
COLUMNS = RowAction(
    name="columns",
    label="Choose the columns…",
    explanation="Say what each column is, choose options, then start a dry run or the import.",
    is_link=True,
)


@admin.register(ImportRun)
class ImportRunAdmin(UploadPages, FilteredAdmin):
    when_empty = "Nothing was imported yet. A file is imported here, or by a command."
    change_form_outer_before_template = "admin/import_under_way.html"
    list_display = (
        "started_at", "kind", "files_shown", "state", "rows", "recorded_shown", "duplicates",
        "rejected", "by_whom", "workspace",
    )  # fmt: skip
    list_select_related = ("workspace",)
    list_filter = ("kind", "status", "workspace", *between("started_at"))
    fieldsets = (
        (None, {"fields": (
            "kind", "files_shown", "state", "progress", "last_error", "how_to_resume",
        )}),
        ("Who and when", {"fields": (
            "by_whom", "workspace", "started_at", "updated_at", "finished_at",
        )}),
        (RESULT, {"fields": (
            ("rows", "recorded"), ("duplicates", "rejected"),
            ("subscribers_created", "definitions_created"),
            ("confirmations_queued", "people_left"), "conflicts",
            ("oldest_at", "newest_at"),
        )}),
        ("Columns", {"fields": ("columns_shown",)}),
        ("Rejected rows", {"fields": ("reasons_shown", "rejects_shown")}),
        ("For developers", {
            "fields": ("options_shown", "checkpoint", "id"), "classes": ("collapse",),
        }),
    )  # fmt: skip
    readonly_fields = (
        "files_shown", "state", "progress", "how_to_resume", "columns_shown", "reasons_shown",
        "rejects_shown", "options_shown", "checkpoint",
    )  # fmt: skip

    def row_actions(self, request: HttpRequest, row: ImportRun) -> Sequence[RowAction]:
        actions = [DOWNLOAD] if row.rejected else []
        if row.stored_bytes is None or row.status == ImportRun.Status.FINISHED:
            return actions
        if row.is_ready:
            actions.insert(0, COLUMNS)
        if row.status not in {ImportRun.Status.INTERRUPTED, ImportRun.Status.FAILED}:
            return [*actions, CANCEL]
        return [*actions, RESUME] if row.has_file() else actions

    def action_urls(self) -> list[URLPattern]:
        """The download is a POST: the log records who took the rows."""
        return [
            self.action_url(DOWNLOAD.name, self.download),
            self.action_url(CANCEL.name, self.cancel),
            self.action_url(RESUME.name, self.resume),
            *super().action_urls(),
        ]

    def cancel(self, request: HttpRequest, run: ImportRun) -> None:
        if stored.cancel(run=run, now=timezone.now()):
            self.tell_done(request, run, "Cancelled the import")
        else:
            messages.warning(request, "The import had ended before.")

    def resume(self, request: HttpRequest, run: ImportRun) -> None:
        if stored.resume(run=run, now=timezone.now()):
            self.tell_done(request, run, "Resumed the import")
        else:
            message = "The import is already under way, or its file is no longer stored."
            messages.error(request, message)

    def download(self, request: HttpRequest, run: ImportRun) -> StreamingHttpResponse:
        self.log_change(request, run, "Downloaded the rejects")
        return StreamingHttpResponse(
            rejects_table.as_csv(run=run),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="rejects-{run.pk}.csv"'},
        )

    @admin.display(description="started by")
    def by_whom(self, run: ImportRun) -> str:
        return run.actor

    @admin.display(description="files")
    def files_shown(self, run: ImportRun) -> str:
        return ", ".join(map(_shown, run.files))[:LONGEST_SHOWN]

    @display(description="status", label=COLOURS)  # type: ignore[untyped-decorator]
    def state(self, run: ImportRun) -> tuple[str, str]:
        said = run.get_status_display()
        return said, f"Dry run: {said.lower()}" if run.is_dry_run else said

    def get_fieldsets(self, request: HttpRequest, obj: ImportRun | None = None) -> Any:  # noqa: ANN401 - the skin's classes have no types
        """Return them; numbers of a dry run are not taken for those of an import."""
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None or not obj.is_dry_run:
            return fieldsets
        return [(OF_A_DRY_RUN if name == RESULT else name, fields) for name, fields in fieldsets]

    @admin.display(description="recorded", ordering="recorded")
    def recorded_shown(self, run: ImportRun) -> str:
        return f"0 ({run.recorded:,} in the dry run)" if run.is_dry_run else f"{run.recorded:,}"

    @admin.display(description="how to resume")
    def how_to_resume(self, run: ImportRun) -> SafeString | str:
        """Return the command or the button that resumes an import that did not finish."""
        if run.status == ImportRun.Status.FINISHED:
            return "The import finished."
        if run.stored_bytes is not None:
            if run.is_under_way:
                return "The worker continues by itself."
            if run.is_ready:
                return "It waits until you have chosen its columns."
            if not run.has_file():
                return "Its file is no longer stored: upload or send it again."
            return f"With the button, for {stored.KEPT_FOR.days} days."
        words = ["manage.py", f"import_{run.kind}", *map(str, run.files)]
        command = shlex.join([*words, "--workspace", run.workspace.slug, "--resume"])
        return format_html("<code>{}</code>, with the options of the first call.", command)

    @admin.display(description="columns")
    def columns_shown(self, run: ImportRun) -> SafeString | str:
        """Return what each column became, by which rule, and which are not used."""
        plan = from_stored(run.mapping) if run.mapping else NO_PLAN
        return bulleted(plan_words.as_lines(plan)) if plan.columns else NOTHING

    @admin.display(description="reasons")
    def reasons_shown(self, run: ImportRun) -> SafeString:
        """Return how many rows were rejected for each reason, the most frequent first."""
        by_count = sorted(run.reasons.items(), key=lambda pair: (-pair[1], pair[0]))
        return bulleted(f"{count:,}: {text}" for text, count in by_count)

    @admin.display(description="first rows")
    def rejects_shown(self, run: ImportRun) -> SafeString:
        rows = run.rejects.order_by("id").only("run", "line", "file_index", "reason")
        return bulleted(
            f"{rejects_table.place(reject, run)}: {reject.reason[:LONGEST_SHOWN]}"
            for reject in rows[:SHOWN_REJECTS]
        )

    @admin.display(description="options")
    def options_shown(self, run: ImportRun) -> SafeString:
        given = {name: value for name, value in run.options.items() if value}
        return json_value(given) if given else NOTHING

    @admin.display(description="progress")
    def progress(self, run: ImportRun) -> str:
        return run.progress

    @admin.display(description="checkpoint")
    def checkpoint(self, run: ImportRun) -> str:
        if not run.line:
            return "the beginning"
        name = _shown(run.files[run.file_index])
        return f"{name}, line {run.line:,}, byte {run.byte_offset:,}"


def _shown(name: str) -> str:
    return "standard input" if name == STANDARD_INPUT else name
