"""Sequences: create, edit with their steps, activate and pause; each edit is a new version."""

from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.models import LogEntry
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from unfold.decorators import display

from config.admin_base import KeysetChangeList, view_url, word_when
from config.admin_links import page_url
from events.admin.form_workspace import workspace_id_of
from events.admin.sequence_columns import SequenceColumns
from events.admin.sequence_editor.form import TRIGGER_CONDITIONS, SequenceForm
from events.admin.sequence_editor.known import mark_needed, suggestions_for, warn_of_unreceived
from events.admin.sequence_editor.step_forms import FORMS
from events.admin.sequence_questions import SequenceQuestions
from events.models import Sequence
from events.services.sequences import sequences
from events.wording import sequences as sequence_words

WHO = (
    "trigger", "event_name", "filters", "tag_names", "lists", "list_scope", "enrollment_mode",
    "enrollment_field_path", "active_subscribers_only", "runs_while_pending",
)  # fmt: skip
STOP = ("stop_type", "stop_value", "stop_filters", "stop_field_path")
SENDING = (
    "mail_list", "from_name", "from_email", "reply_to", "window_is_on", "window_weekdays",
    "window_start", "window_end", "window_timezone",
)  # fmt: skip


class SequenceList(KeysetChangeList):
    """Leads to the flow; the form is one click further."""

    def url_for_result(self, result: Model) -> str:
        return page_url(result)


@admin.register(Sequence)
class SequenceAdmin(SequenceColumns, SequenceQuestions):
    when_empty = "There is no sequence yet. It says which mails people get, when and why."
    form = SequenceForm
    list_display = (
        "name", "state", "under_way", "entered", "mailed", "starts_by",
        word_when("is_enrollment_paused", "Entry closed"), "workspace", "edited",
    )  # fmt: skip
    list_select_related = ("workspace",)
    list_filter = ("status", "workspace")
    search_fields = ("name", "key")
    search_help_text = "Name or key, from its beginning"
    change_form_outer_before_template = "admin/sequence_standing.html"
    conditional_fields = {
        **TRIGGER_CONDITIONS,
        "enrollment_field_path": "enrollment_mode == 'matching_field'",
        "stop_value": "stop_type",
        "stop_filters": "stop_type == 'event_received'",
        "stop_field_path": "stop_type == 'event_received' && enrollment_mode == 'matching_field'",
        "window_weekdays": "window_is_on",
        "window_start": "window_is_on",
        "window_end": "window_is_on",
        "window_timezone": "window_is_on",
    }

    class Media:
        js: ClassVar = ("cueline/editor.js",)

    fieldsets = (
        (None, {"fields": ("workspace", "name", "key", "description", "labels", "seen")}),
        ("Who enters", {"fields": WHO}),
        ("Exit condition", {"fields": STOP, "classes": ("collapse",)}),
        ("Sending", {"fields": SENDING, "classes": ("collapse",)}),
    )

    def get_readonly_fields(
        self, request: HttpRequest, obj: Sequence | None = None
    ) -> tuple[str, ...]:
        return ("workspace", "key") if obj else ()

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show the form; who may only view sees the flow."""
        if request.method == "GET" and not self.has_change_permission(request):
            return HttpResponseRedirect(f"../{self.page_name}/")
        return super().change_view(request, object_id, form_url, extra_context)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[KeysetChangeList]:
        return SequenceList

    def response_post_save_add(self, request: HttpRequest, obj: Sequence) -> HttpResponseRedirect:
        """Show the stored sequence, rather than the list."""
        return HttpResponseRedirect(page_url(obj))

    def response_post_save_change(
        self, request: HttpRequest, obj: Sequence
    ) -> HttpResponseRedirect:
        return HttpResponseRedirect(page_url(obj))

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def save_model(
        self, request: HttpRequest, obj: Sequence, form: SequenceForm, change: bool
    ) -> None:
        if form.spec is None:
            raise ValueError("A form that is valid has its sequence.")
        if not change:
            made = sequences.create(workspace=obj.workspace, spec=form.spec, now=timezone.now())
            # The log entry and the answer name the stored row.
            obj.pk, obj.name = made.pk, made.name
            messages.success(request, f"{made} is a draft: activate it when it is ready.")
            return
        before = obj.current_version
        sequences.edit(sequence=obj, spec=form.spec, now=timezone.now())
        is_new = before and obj.current_version_id != before.pk
        begin = f" New enrollments begin with {obj.current_version}." if is_new else ""
        messages.success(request, f"{obj} is saved.{begin}")

    def message_user(
        self,
        request: HttpRequest,
        message: Any,  # noqa: ANN401 - Django's texts
        level: int | str = messages.INFO,
        *args: Any,
        **kwargs: Any,
    ) -> None:
        """Leave out Django's words of success: saving has its own."""
        if level != messages.SUCCESS:
            super().message_user(request, message, level, *args, **kwargs)

    def log_change(self, request: HttpRequest, obj: Sequence, message: Any) -> LogEntry:  # noqa: ANN401 - words, or Django's list
        """Name the version after an edit: it says more than the names of the changed fields."""
        words = message if isinstance(message, str) else f"Edited; {obj.current_version} is current"
        return super().log_change(request, obj, words)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        sequence = kwargs.get("obj")
        form = context["adminform"].form
        context["step_kinds"] = [(kind, each.title) for kind, each in FORMS.items()]
        mark_needed(form)
        if workspace_id := workspace_id_of(form):
            warn_of_unreceived(form, workspace_id=workspace_id)
            context["known"] = suggestions_for(form, workspace_id=workspace_id)
        if sequence is not None:
            context["readiness"] = sequences.readiness(sequence)
            context["flow_address"] = page_url(sequence)
            context["versions_address"] = view_url(sequence, "versions")
            context["activating_address"] = view_url(sequence, "activating")
        return super().render_change_form(request, context, *args, **kwargs)

    @display(description="status", label=sequence_words.COLOURS)  # type: ignore[untyped-decorator]
    def state(self, sequence: Sequence) -> tuple[str, str]:
        return sequence.status, sequence.get_status_display()

    @admin.display(description="trigger")
    def starts_by(self, sequence: Sequence) -> str:
        return sequence_words.trigger_in_words(sequence)
