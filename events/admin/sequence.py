"""Sequences: create, edit with their steps, activate and pause; each edit is a new version."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.models import LogEntry
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.decorators import display

from config.admin_base import list_url, word_when
from config.readable import bulleted
from events.admin.sequence_editor.form import SequenceForm
from events.admin.sequence_editor.step_forms import FORMS
from events.admin.sequence_editor.wire import TRIGGER_CONDITIONS
from events.admin.sequence_questions import SequenceQuestions
from events.models import Enrollment, Sequence
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


@admin.register(Sequence)
class SequenceAdmin(SequenceQuestions):
    form = SequenceForm
    list_display = (
        "name", "workspace", "state", "starts_by", "version",
        word_when("is_enrollment_paused", "Entry closed"),
    )  # fmt: skip
    list_select_related = ("workspace", "current_version")
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

    def get_fieldsets(self, request: HttpRequest, obj: Sequence | None = None) -> Any:  # noqa: ANN401 - as Django has it
        """Show fields to those who may change them, and sentences to those who may only view."""
        own = ("workspace", "name", "key", "description", "labels")
        if obj is not None and not self.has_change_permission(request, obj):
            return (
                (None, {"fields": own}),
                ("Summary", {"fields": ("starts_by", "stops_by", "steps_shown")}),
            )
        return (
            (None, {"fields": (*own, "seen")}),
            ("Who enters", {"fields": WHO}),
            ("Exit condition", {"fields": STOP, "classes": ("collapse",)}),
            ("Sending", {"fields": SENDING, "classes": ("collapse",)}),
        )

    def get_readonly_fields(
        self, request: HttpRequest, obj: Sequence | None = None
    ) -> tuple[str, ...]:
        words = ("starts_by", "stops_by", "steps_shown")
        return ("workspace", "key", *words) if obj else words

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
            return
        before = obj.current_version
        sequences.edit(sequence=obj, spec=form.spec, now=timezone.now())
        if before and obj.current_version_id != before.pk:
            messages.info(request, f"New enrollments begin with {obj.current_version}.")

    def log_change(self, request: HttpRequest, obj: Sequence, message: Any) -> LogEntry:  # noqa: ANN401 - words, or Django's list
        """Name the version after an edit: it says more than the names of the changed fields."""
        words = message if isinstance(message, str) else f"Edited; {obj.current_version} is current"
        return super().log_change(request, obj, words)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        sequence = kwargs.get("obj")
        context["step_kinds"] = [(kind, form.title) for kind, form in FORMS.items()]
        if sequence is not None:
            context["readiness"] = sequences.readiness(sequence)
            context["versions"] = sequence_words.version_lines(sequence)
            context["enrollments_address"] = list_url(Enrollment, sequence__id__exact=sequence.pk)
        return super().render_change_form(request, context, *args, **kwargs)

    @display(description="status", label=sequence_words.COLOURS)  # type: ignore[untyped-decorator]
    def state(self, sequence: Sequence) -> tuple[str, str]:
        return sequence.status, sequence.get_status_display()

    @admin.display(description="trigger")
    def starts_by(self, sequence: Sequence) -> str:
        return sequence_words.trigger_in_words(sequence)

    @admin.display(description="exit condition")
    def stops_by(self, sequence: Sequence) -> str:
        return sequence_words.stop_in_words(sequence)

    @admin.display(description="version")
    def version(self, sequence: Sequence) -> str:
        return str(sequence.current_version.number) if sequence.current_version else "-"

    @admin.display(description="steps")
    def steps_shown(self, sequence: Sequence) -> SafeString:
        return bulleted(sequence_words.steps_in_words(sequence))
