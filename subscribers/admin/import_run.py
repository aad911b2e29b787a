"""Imports by command: who imported what, the result, and the rejected rows."""

import shlex
from collections.abc import Sequence

import msgspec
from django.contrib import admin
from django.http import HttpRequest, StreamingHttpResponse
from django.urls import URLPattern
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from config.admin_base import ReadOnlyAdmin, RowAction
from config.admin_filters import FilteredAdmin, between
from config.readable import NOTHING, bulleted, json_value
from subscribers.models import ImportRun
from subscribers.rows import plan_words
from subscribers.rows.plans import NO_PLAN, Plan
from subscribers.rows.row import STANDARD_INPUT
from subscribers.services.imports import rejects_table
from subscribers.services.imports.runs import MOST_KEPT_REJECTS

SHOWN_REJECTS = 20
LONGEST_SHOWN = 300
COLOURS = {"Running": "info", "Interrupted": "warning", "Failed": "danger", "Finished": "success"}
DOWNLOAD = RowAction(
    name="rejects",
    label="Download the rejects",
    explanation=f"The first {MOST_KEPT_REJECTS:,} rejected rows as CSV, each with its error. "
    "Correct them there, and import the file.",
)


@admin.register(ImportRun)
class ImportRunAdmin(ReadOnlyAdmin, FilteredAdmin):
    when_empty = "Nothing was imported yet. The handbook says how."
    list_display = (
        "started_at", "kind", "files_shown", "state", "rows", "recorded", "duplicates", "rejected",
        "by_whom", "workspace",
    )  # fmt: skip
    list_select_related = ("workspace",)
    list_filter = ("kind", "status", "workspace", *between("started_at"))
    fieldsets = (
        (None, {"fields": ("kind", "files_shown", "state", "last_error", "how_to_resume")}),
        ("Who and when", {"fields": (
            "by_whom", "workspace", "started_at", "updated_at", "finished_at",
        )}),
        ("Result", {"fields": (
            ("rows", "recorded"), ("duplicates", "rejected"),
            ("subscribers_created", "definitions_created"), "confirmations_queued",
            ("oldest_at", "newest_at"),
        )}),
        ("Columns", {"fields": ("columns_shown",)}),
        ("Rejected rows", {"fields": ("reasons_shown", "rejects_shown")}),
        ("Options", {"fields": ("options_shown", "checkpoint", "id")}),
    )  # fmt: skip
    readonly_fields = (
        "files_shown", "state", "how_to_resume", "columns_shown", "reasons_shown", "rejects_shown",
        "options_shown", "checkpoint",
    )  # fmt: skip

    def row_actions(self, request: HttpRequest, row: ImportRun) -> Sequence[RowAction]:
        return [DOWNLOAD] if row.rejected else []

    def action_urls(self) -> list[URLPattern]:
        """The download is a POST: the log records who took the rows."""
        return [self.action_url(DOWNLOAD.name, self.download)]

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
    def state(self, run: ImportRun) -> str:
        return run.get_status_display()

    @admin.display(description="how to resume")
    def how_to_resume(self, run: ImportRun) -> SafeString | str:
        """Return the command that resumes an import that did not finish."""
        if run.status == ImportRun.Status.FINISHED:
            return "The import finished."
        words = ["manage.py", f"import_{run.kind}", *map(str, run.files)]
        command = shlex.join([*words, "--workspace", run.workspace.slug, "--resume"])
        return format_html("<code>{}</code>, with the options of the first call.", command)

    @admin.display(description="columns")
    def columns_shown(self, run: ImportRun) -> SafeString | str:
        """Return what each column became, by which rule, and which are not used."""
        plan = msgspec.convert(run.mapping, Plan) if run.mapping else NO_PLAN
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

    @admin.display(description="checkpoint")
    def checkpoint(self, run: ImportRun) -> str:
        if not run.line:
            return "the beginning"
        name = _shown(run.files[run.file_index])
        return f"{name}, line {run.line:,}, byte {run.byte_offset:,}"


def _shown(name: str) -> str:
    return "standard input" if name == STANDARD_INPUT else name
