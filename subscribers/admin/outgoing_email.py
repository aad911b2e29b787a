"""The outbox: every mail as rendered, with its state and reason; the development inbox too.

The tokens of its links are hidden: an operator acts by the actions, which are logged.
The engine owns the mails; an operator resolves those that failed or whose delivery is unknown.
"""

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe
from unfold.decorators import display

from config.admin_base import KeysetChangeList, ReadOnlyAdmin, RowAction, link_to, view_url
from config.admin_filters import FilteredAdmin, between
from config.readable import bulleted, json_value
from events.models import Enrollment, StepRun
from subscribers.admin import activity_words, mail_words, outbox_bulk, outbox_numbers
from subscribers.admin.mail_preview import frame, preview
from subscribers.admin.outbox_filters import OF_OUTBOX, OutboxList
from subscribers.admin.person_search import row_or_person
from subscribers.models import OutgoingEmail
from subscribers.services.outbox import outbox
from subscribers.wire import link_tokens

BODIES = ("html", "text", "headers")
IT_ARRIVED = RowAction(
    name="it-arrived", label="Mark as sent", explanation="You know that it arrived."
)
SEND_AGAIN = RowAction(
    name="send-again",
    label="Send again",
    explanation="With the same Message-ID: many mailboxes show two copies as one.",
)


@admin.register(OutgoingEmail)
class OutgoingEmailAdmin(outbox_bulk.BulkPages, ReadOnlyAdmin, FilteredAdmin):
    when_empty = "No mail was made yet. Steps of sequences and confirmations make them."
    list_display = ("subject_shown", "recipient", "state", "note", "kind", "created_at", "sent_at")
    list_select_related = ("workspace",)
    list_filter = (
        "status", "kind", "workspace", *OF_OUTBOX, *between("created_at", ids_follow=True),
    )  # fmt: skip
    list_before_template = "admin/outbox_list.html"
    search_fields = ("id",)
    search_help_text = "Id, whole address, external id or name"
    fieldsets = (
        (None, {"fields": (
            "status", "why", "noted", "subject_shown", "recipient", "subscriber_link",
        )}),
        ("After it was sent", {"fields": ("activity",)}),
        ("Content", {"fields": ("rendered", "text_shown")}),
        ("Why and when", {"fields": (
            "kind", "enrollments", "created_at", "due_at", "sent_at", "workspace", "public_id",
        )}),
        ("For developers", {
            "fields": (
                "sender", "reply_to", "message_id", "headers_shown", "cause", "attempts",
                "sending_since",
            ),
            "classes": ("collapse",),
        }),
    )  # fmt: skip
    readonly_fields = (
        "why", "noted", "subject_shown", "subscriber_link", "activity", "rendered", "text_shown",
        "headers_shown", "enrollments", "public_id",
    )  # fmt: skip

    def heading(self, email: OutgoingEmail) -> str:
        return f"{self.subject_shown(email)} to {email.recipient}"

    def get_queryset(self, request: HttpRequest) -> QuerySet[OutgoingEmail]:
        rows = super().get_queryset(request)
        is_one = bool(request.resolver_match and "object_id" in request.resolver_match.kwargs)
        return rows.select_related("subscriber", "workspace") if is_one else rows.defer(*BODIES)

    def search_condition(self, text: str, workspace_id: UUID | None) -> Q:
        return row_or_person("eml", text, workspace_id)

    def row_actions(self, request: HttpRequest, row: OutgoingEmail) -> Sequence[RowAction]:
        if row.status == OutgoingEmail.Status.UNKNOWN:
            return (IT_ARRIVED, SEND_AGAIN)
        return (SEND_AGAIN,) if row.status == OutgoingEmail.Status.FAILED else ()

    def action_urls(self) -> list[URLPattern]:
        numbers = self.admin_site.admin_view(require_safe(self.show_numbers))
        return [
            path("numbers/", numbers, name="subscribers_outgoingemail_numbers"),
            self.view_url("preview", preview),
            self.action_url("it-arrived", self.it_arrived),
            self.action_url("send-again", self.send_again),
            *super().action_urls(),
        ]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[KeysetChangeList]:
        return outbox_bulk.ChosenMails if outbox_bulk.change_of(request) else OutboxList

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        links = outbox_bulk.links(request) if self.has_bulk_permission(request) else ()
        return super().changelist_view(request, {**(extra_context or {}), "bulk_links": links})

    def show_numbers(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        shown = outbox_numbers.context(request, now=timezone.now())
        title = "Outbox by day and reason"
        return self.page(request, "admin/outbox_numbers.html", title=title, **shown)

    def it_arrived(self, request: HttpRequest, email: OutgoingEmail) -> None:
        self._settle(request, email, outbox.settle_as_sent, "Marked as sent")

    def send_again(self, request: HttpRequest, email: OutgoingEmail) -> None:
        self._settle(request, email, outbox.send_again, "Queued again")

    def _settle(
        self, request: HttpRequest, email: OutgoingEmail, settle: Callable[..., None], words: str
    ) -> None:
        try:
            settle(email=email, now=timezone.now())
        except outbox.NotSettled as error:
            messages.error(request, str(error))
            return
        self.tell_done(request, email, words)

    @admin.display(description="subject")
    def subject_shown(self, email: OutgoingEmail) -> str:
        return link_tokens.hidden(email.subject) or "(no subject)"

    @display(description="status", label=mail_words.COLOURS)  # type: ignore[untyped-decorator]
    def state(self, email: OutgoingEmail) -> tuple[str, str]:
        return email.status, email.get_status_display()

    @admin.display(description="reason")
    def note(self, email: OutgoingEmail) -> str:
        return mail_words.note(email)

    @admin.display(description="blank values")
    def noted(self, email: OutgoingEmail) -> str:
        return " ".join(f"{note}." for note in email.notes.splitlines())

    @admin.display(description="reason")
    def why(self, email: OutgoingEmail) -> str:
        return mail_words.why(email)

    @admin.display(description="subscriber")
    def subscriber_link(self, email: OutgoingEmail) -> SafeString:
        return link_to(email.subscriber)

    @admin.display(description="activity")
    def activity(self, email: OutgoingEmail) -> SafeString | str:
        return activity_words.activity(email)

    @admin.display(description="id")
    def public_id(self, email: OutgoingEmail) -> str:
        return email.public_id

    @admin.display(description="preview")
    def rendered(self, email: OutgoingEmail) -> SafeString | str:
        if not email.html:
            return "This mail is plain text."
        return frame(view_url(email, "preview"))

    @admin.display(description="plain text")
    def text_shown(self, email: OutgoingEmail) -> SafeString:
        return format_html('<pre class="cueline-text">{}</pre>', link_tokens.hidden(email.text))

    @admin.display(description="more headers")
    def headers_shown(self, email: OutgoingEmail) -> SafeString:
        shown = {name: link_tokens.hidden(str(value)) for name, value in email.headers.items()}
        return json_value(shown)

    @admin.display(description="enrollment")
    def enrollments(self, email: OutgoingEmail) -> SafeString:
        runs = (
            StepRun.objects.filter(email=email)
            .select_related("enrollment__sequence", "step")
            .order_by("-id")
        )
        found = [(run.enrollment, run.step) for run in runs[:5]]
        if not found and email.cause.startswith(Enrollment.MAIL_CAUSE_PREFIX):
            # Its step is not done before the mail has left.
            waiting = Enrollment.objects.select_related("sequence", "step")
            rows = waiting.filter(pk=Enrollment.id_in_cause(email.cause))
            found = [(row, row.step) for row in rows if row.step]
        return bulleted(
            format_html(
                "{} in {}, step {}",
                link_to(enrollment, "Enrollment"),
                link_to(enrollment.sequence),
                step.position + 1,
            )
            for enrollment, step in found
        )
