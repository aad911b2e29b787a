"""Segments: saved conditions on people; counted, shown, exported, enrolled."""

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.urls import URLPattern
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from config.admin_base import BaseAdmin, RowAction, list_url
from events.admin.audience_enrollment import plan_address
from events.admin.form_workspace import workspace_id_of
from events.admin.segment_form import SegmentForm
from events.admin.segment_rows import WINDOWS, kinds
from events.services.segments import segments, suggestions
from events.services.segments.compiling import TooManyReferences
from events.wording.segments import in_words
from subscribers.ids import encode
from subscribers.models import List, Segment, Subscriber, Workspace
from subscribers.rows import lines, row
from subscribers.services.people import exporting

MAIL_KINDS = {"": "of any kind", "marketing": "marketing", "transactional": "transactional"}
ENROLL = RowAction(
    name="enrolling", label="Enroll everybody…", is_link=True,
    explanation="Counts first. Then they enter a sequence, now or at a time you choose.",
)  # fmt: skip
EXPORT = RowAction(
    name="export", label="Export people",
    explanation="Everybody who matches, as a CSV file that the import reads back.",
)  # fmt: skip
VIEW_PEOPLE = "subscribers.view_subscriber"


@admin.register(Segment)
class SegmentAdmin(BaseAdmin):
    when_empty = "There is no segment yet. It asks for people, such as those who have a tag."
    form = SegmentForm
    list_display = ("name", "conditions", "people", "workspace", "updated_at")
    list_select_related = ("workspace",)
    list_filter = ("workspace",)
    search_fields = ("name",)
    search_help_text = "Name, from its beginning"
    readonly_fields = ("conditions", "people")

    class Media:
        js: ClassVar = ("cueline/segments.js",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Segment]:
        """Fetch what the sentences name: the lists and segments of the workspaces."""
        named = Segment.objects.only("name", "workspace")
        rows = super().get_queryset(request)
        return rows.prefetch_related(
            Prefetch("workspace__lists", List.objects.only("name", "workspace")),
            Prefetch("workspace__segments", named),
        )

    def get_fieldsets(self, request: HttpRequest, obj: Segment | None = None) -> Any:  # noqa: ANN401 - as Django has it
        shown = ("conditions", "people") if obj else ()
        return ((None, {"fields": ("workspace", "name", *shown)}),)

    def get_readonly_fields(
        self, request: HttpRequest, obj: Segment | None = None
    ) -> tuple[str, ...]:
        return ("workspace", *self.readonly_fields) if obj else self.readonly_fields

    def save_model(
        self, request: HttpRequest, obj: Segment, form: SegmentForm, change: bool
    ) -> None:
        if form.root is None:
            raise ValueError("A form that is valid has its conditions.")
        segments.save(segment=obj, root=form.root, now=timezone.now())
        for warning in form.warnings:
            messages.warning(request, warning)

    def reasons_to_keep(self, row: Segment) -> list[str]:
        """Without the segment, others would ask for something else, and a run could not go on."""
        named = segments.reasons_to_keep(workspace_id=row.workspace_id, segment_id=row.pk)
        runs = segments.runs_of(row).select_related("sequence")
        return [
            *named,
            *(f"Mass enrollment: {each}" for each in runs[:10]),
        ]

    def row_actions(self, request: HttpRequest, row: Segment) -> Sequence[RowAction]:
        may_enroll = request.user.has_perm("events.add_audienceenrollment")
        found = [ENROLL] if may_enroll else []
        return [*found, EXPORT] if request.user.has_perm(VIEW_PEOPLE) else found

    def action_urls(self) -> list[URLPattern]:
        return [
            self.view_url("enrolling", self.show_enrolling),
            self.action_url("export", self.export),
        ]

    def export(self, request: HttpRequest, segment: Segment) -> StreamingHttpResponse | None:
        if not request.user.has_perm(VIEW_PEOPLE):
            raise PermissionDenied
        try:
            members = segments.members_condition(segment=segment, now=timezone.now())
        except TooManyReferences as error:
            messages.error(request, str(error))
            return None
        self.log_change(request, segment, "Exported its people")
        pages = exporting.subscriber_pages(
            workspace=segment.workspace, chosen=exporting.Chosen(condition=members)
        )
        return StreamingHttpResponse(
            _file(pages),
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{segment.public_id}.csv"'},
        )

    def show_enrolling(self, request: HttpRequest, segment: Segment) -> HttpResponse:
        return HttpResponseRedirect(plan_address(segment=segment.pk.hex))

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        if self.has_change_permission(request, kwargs.get("obj")):
            workspace_id = workspace_id_of(context["adminform"].form)
            context |= {
                "kinds": kinds(),
                "mail_kinds": MAIL_KINDS,
                "windows": WINDOWS,
                "statuses": Subscriber.Status.choices,
                "known": suggestions.of_workspace(workspace_id=workspace_id)
                if workspace_id
                else None,
            }
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.display(description="in words")
    def conditions(self, segment: Segment) -> SafeString:
        return in_words(segments.root_of(segment), names=_names_in(segment.workspace))

    @admin.display(description="people")
    def people(self, segment: Segment) -> SafeString:
        address = list_url(Subscriber, segment=segment.pk.hex)
        return format_html('<a href="{}">Show them</a>', address)


def _file(pages: Iterator[list[exporting.SubscriberRow]]) -> Iterator[bytes]:
    yield lines.heading(row_type=exporting.SubscriberRow, line_format=row.CSV)
    for page in pages:
        yield lines.lines(rows=page, line_format=row.CSV)


def _names_in(workspace: Workspace) -> dict[str, str]:
    lists = {encode("lst", each.pk): each.name for each in workspace.lists.all()}
    return {**lists, **{each.public_id: each.name for each in workspace.segments.all()}}
