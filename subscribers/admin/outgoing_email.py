"""The outbox: every mail as rendered, with its state and reason; the development inbox too.

The tokens of its links are hidden: an operator acts by the actions, which are logged.
The engine owns the mails; an operator resolves those that failed or whose delivery is unknown.
"""

from collections.abc import Callable, Sequence

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.urls import URLPattern
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display

from config.admin_base import ReadOnlyAdmin, RowAction, link_to, view_url
from config.admin_filters import FilteredAdmin, between
from config.readable import bulleted, json_value
from events.models import StepRun
from subscribers.admin import activity_words, mail_words
from subscribers.admin.mail_preview import frame, preview
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
class OutgoingEmailAdmin(ReadOnlyAdmin, FilteredAdmin):
    when_empty = "No mail was made yet. Steps of sequences and confirmations make them."
    list_display = ("subject_shown", "recipient", "state", "note", "kind", "created_at", "sent_at")
    list_select_related = ("workspace",)
    list_filter = ("status", "kind", "workspace", *between("created_at", ids_follow=True))
    search_fields = ("id",)
    search_help_text = "eml_… id, whole address, external id or name"
    fieldsets = (
        (
            None,
            {"fields": ("status", "why", "noted", "subject_shown", "recipient", "subscriber_link")},
        ),
        ("After it was sent", {"fields": ("activity",)}),
        ("Content", {"fields": ("rendered", "text_shown")}),
        ("Headers", {"fields": ("sender", "reply_to", "message_id", "headers_shown")}),
        ("Cause", {"fields": ("kind", "enrollments", "cause", "workspace", "public_id")}),
        ("When", {"fields": ("created_at", "due_at", "sending_since", "sent_at", "attempts")}),
    )
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

    def search_condition(self, text: str) -> Q:
        return row_or_person("eml", text)

    def row_actions(self, request: HttpRequest, row: OutgoingEmail) -> Sequence[RowAction]:
        if row.status == OutgoingEmail.Status.UNKNOWN:
            return (IT_ARRIVED, SEND_AGAIN)
        return (SEND_AGAIN,) if row.status == OutgoingEmail.Status.FAILED else ()

    def action_urls(self) -> list[URLPattern]:
        return [
            self.view_url("preview", preview),
            self.action_url("it-arrived", self.it_arrived),
            self.action_url("send-again", self.send_again),
        ]

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
        found = (
            StepRun.objects.filter(email=email)
            .select_related("enrollment__sequence", "step")
            .order_by("-id")
        )
        return bulleted(
            format_html(
                "{} of {}, step {}",
                link_to(enrollment.enrollment),
                link_to(enrollment.enrollment.sequence),
                enrollment.step.position + 1,
            )
            for enrollment in found[:5]
        )
