"""Enrollments: where each person is in a sequence, its history, and why nothing happens."""

from collections.abc import Callable, Sequence
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import URLPattern
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from unfold.decorators import display

from config.admin_base import ReadOnlyAdmin, RowAction, link_to
from config.admin_filters import FilteredAdmin, between
from config.readable import NOTHING, bulleted, sentence, time_tag
from events.admin import enrollment_actions, enrollment_history
from events.admin.enrollment_filters import HeldMail, SequenceFilter, StepFilter, UnderWayFilter
from events.models import Enrollment
from events.wording import enrollments, steps
from subscribers.admin.person_search import row_or_person
from subscribers.models import OutgoingEmail


@admin.register(Enrollment)
class EnrollmentAdmin(ReadOnlyAdmin, FilteredAdmin):
    when_empty = "Nobody has entered a sequence yet."
    list_display = (
        "subscriber", "sequence", "state", "step_shown", "due_at", "error", "entered_at",
    )  # fmt: skip
    list_select_related = ("subscriber", "sequence", "step")
    list_filter = (
        UnderWayFilter, "status", SequenceFilter, StepFilter, HeldMail, "workspace",
        *between("entered_at", ids_follow=True),
    )  # fmt: skip
    search_fields = ("id",)
    search_help_text = "Id, whole address, external id or name"
    fieldsets = (
        (None, {"fields": ("status", "what_next", "step_shown", "due", "last_error_shown")}),
        ("Enrollment", {"fields": (
            "subscriber_link", "sequence_link", "came_in", "step_since", "paused_at", "ended_at",
            "test", "workspace", "public_id",
        )}),
        ("History", {"fields": ("way",)}),
        ("For developers", {
            "fields": ("lane", "visit", "entry_key", "attempts", "updated_at"),
            "classes": ("collapse",),
        }),
    )  # fmt: skip
    readonly_fields = (
        "what_next", "step_shown", "due", "last_error_shown", "subscriber_link", "sequence_link",
        "came_in", "public_id", "way", "test",
    )  # fmt: skip

    def heading(self, enrollment: Enrollment) -> str:
        return f"{enrollment.subscriber} in {enrollment.sequence}"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Enrollment]:
        rows = super().get_queryset(request)
        is_one = bool(request.resolver_match and "object_id" in request.resolver_match.kwargs)
        if not is_one:
            return rows
        return rows.select_related(
            "workspace", "subscriber", "sequence", "version", "step", "started_by__definition"
        )

    def search_condition(self, text: str, workspace_id: UUID | None) -> Q:
        return row_or_person("enr", text, workspace_id)

    def row_actions(self, request: HttpRequest, row: Enrollment) -> Sequence[RowAction]:
        return enrollment_actions.allowed(row)

    def action_urls(self) -> list[URLPattern]:
        return [
            self.action_url(name, self._action(change, words))
            for name, (change, words) in enrollment_actions.CHANGES.items()
        ]

    def _action(
        self, change: enrollment_actions.EnrollmentChange, words: str
    ) -> Callable[[HttpRequest, Enrollment], None]:
        def act(request: HttpRequest, enrollment: Enrollment) -> None:
            try:
                is_changed = change(enrollment=enrollment, now=timezone.now())
            except enrollment_actions.REFUSALS as error:
                messages.error(request, str(error))
                return
            if not is_changed:
                messages.warning(request, enrollment_actions.NOTHING_CHANGED)
                return
            self.tell_done(request, enrollment, words)

        return act

    @admin.display(description="id")
    def public_id(self, enrollment: Enrollment) -> str:
        return enrollment.public_id

    @display(description="status", label=enrollments.COLOURS)  # type: ignore[untyped-decorator]
    def state(self, enrollment: Enrollment) -> tuple[str, str]:
        return enrollment.status, enrollment.get_status_display()

    @admin.display(description="step")
    def step_shown(self, enrollment: Enrollment) -> str:
        return steps.row_in_words(enrollment.step) if enrollment.step else "-"

    @admin.display(description="reason")
    def error(self, enrollment: Enrollment) -> str:
        return Truncator(enrollments.why(enrollment)).chars(80) or "-"

    @admin.display(description="last error")
    def last_error_shown(self, enrollment: Enrollment) -> SafeString:
        error = enrollment.last_error or self._error_of_mail(enrollment)
        return sentence('<pre class="cueline-text">{}</pre>', error) if error else NOTHING

    def _error_of_mail(self, enrollment: Enrollment) -> str:
        """Return the server's words to the mail that waits with the enrollment."""
        mails = OutgoingEmail.objects.filter(
            workspace=enrollment.workspace_id,
            cause=enrollment.mail_cause,
            status=OutgoingEmail.Status.QUEUED,
        )
        return mails.values_list("last_error", flat=True).first() or ""

    @admin.display(description="what happens next")
    def what_next(self, enrollment: Enrollment) -> str:
        return enrollments.what_next(enrollment, now=timezone.now())

    @admin.display(description="due")
    def due(self, enrollment: Enrollment) -> SafeString | str:
        at = enrollment.due_at
        if at is None:
            return "-"
        words = enrollments.on_both_clocks(at, enrollment.workspace, enrollment.subscriber)
        return time_tag(at, words)

    @admin.display(description="test", empty_value="")
    def test(self, enrollment: Enrollment) -> str:
        return "Test" if enrollment.is_test else ""

    @admin.display(description="subscriber")
    def subscriber_link(self, enrollment: Enrollment) -> SafeString:
        person = enrollment.subscriber
        return sentence("{} ({})", link_to(person), person.get_status_display())

    @admin.display(description="sequence")
    def sequence_link(self, enrollment: Enrollment) -> SafeString:
        return sentence("{}, {}", link_to(enrollment.sequence), enrollment.version)

    @admin.display(description="entered")
    def came_in(self, enrollment: Enrollment) -> SafeString:
        event, at = enrollment.started_by, time_tag(enrollment.entered_at)
        by = enrollments.entry_in_words(enrollment)
        if event is None:
            return sentence("{} by {}", at, by)
        link = link_to(event, event.definition.name)
        if enrollment.entered_via.get("name") == event.definition.name:
            return sentence("{} by the event {}", at, link)
        return sentence("{} by {} ({})", at, by, link)

    @admin.display(description="steps")
    def way(self, enrollment: Enrollment) -> SafeString:
        return bulleted(enrollment_history.sentences(enrollment))
