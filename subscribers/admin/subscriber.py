"""Subscribers: profile, consent, events, enrollments and mail; changed by the actions only."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.db.models import Prefetch, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.safestring import SafeString
from django.utils.timesince import timesince

from config.admin_base import link_to, list_url
from config.admin_skin import PENDING_FOR
from config.readable import bulleted, json_value, moment, sentence, separated
from events.models import Enrollment, Event
from events.services.segments.limits import TookTooLong, time_limit
from events.wording.reasons import reason_in_words
from events.wording.steps import row_in_words
from subscribers import ids
from subscribers.admin import subscriber_consent
from subscribers.admin.subscriber_filters import HasTag, InSegment, OnList, PendingFor, came_at
from subscribers.admin.subscriber_identity import IdentityActions
from subscribers.models import Confirmation, OutgoingEmail, Subscriber
from subscribers.wire import addresses, link_tokens

if TYPE_CHECKING:
    from django.contrib.admin.views.main import ChangeList

LATEST = 20
SEGMENT_TOO_SLOW = (
    "Looking for the segment's people took longer than five seconds and was stopped: the list is "
    "shown without it. An export finds them all."
)


@admin.register(Subscriber)
class SubscriberAdmin(IdentityActions):
    list_display = ("email", "external_id", "name", "status", "workspace", "created_at")
    list_display_of_pending = ("email", "waits", "mails_sent", "reminded", "workspace")
    list_select_related = ("workspace",)
    list_filter = ("workspace", "status", InSegment, PendingFor, HasTag, OnList)
    search_fields = ("email_key", "external_id")
    search_help_text = "Address or external id, from its beginning"
    fieldsets = (
        (None, {"fields": ("email", "external_id", "name", "status", "workspace", "public_id")}),
        ("Consent", {"fields": ("in_the_way", "ledger")}),
        ("Profile", {"fields": ("tags", "lists", "attributes_shown", "timezone")}),
        ("Events", {"fields": ("latest_events",)}),
        ("Enrollments and mail", {"fields": ("latest_enrollments", "latest_mails")}),
        ("Dates", {"fields": ("created_at", "updated_at", "unsubscribed_at")}),
    )
    readonly_fields = (
        "tags", "lists", "attributes_shown", "latest_events", "latest_enrollments", "latest_mails",
        "public_id", "name", "in_the_way", "ledger",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Subscriber]:
        rows = super().get_queryset(request).defer("attributes")
        if not _is_about_pending(request):
            return rows
        of_each = Confirmation.objects.filter(closed_at=None)
        prefetched = Prefetch("confirmations", of_each, to_attr="open_confirmations")
        return rows.prefetch_related(prefetched)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the list; without a segment that takes too long to ask for."""
        try:
            return super().changelist_view(request, extra_context)
        except TookTooLong:
            rest = request.GET.copy()
            rest.pop(InSegment.parameter_name, None)
            messages.warning(request, SEGMENT_TOO_SLOW)
            return HttpResponseRedirect(f"{request.path}?{rest.urlencode()}".rstrip("?"))

    def get_changelist_instance(self, request: HttpRequest) -> "ChangeList":
        if InSegment.parameter_name not in request.GET:
            return super().get_changelist_instance(request)
        with time_limit():
            return super().get_changelist_instance(request)

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        return self.list_display_of_pending if _is_about_pending(request) else self.list_display

    def fold(self, field: str, text: str) -> str:
        return text.lower() if field == "email_key" else text

    def search_condition(self, text: str) -> Q:
        """Accept a whole address in any of its forms, or a public id."""
        row_id = ids.decode("sub", text)
        if row_id is not None:
            return Q(pk=row_id)
        try:
            return Q(email_key=addresses.parse(text).key) | super().search_condition(text)
        except addresses.InvalidAddress:
            return super().search_condition(text)

    @admin.display(description="name")
    def name(self, subscriber: Subscriber) -> str:
        return f"{subscriber.first_name} {subscriber.last_name}".strip() or "-"

    @admin.display(description="id")
    def public_id(self, subscriber: Subscriber) -> str:
        return subscriber.public_id

    @admin.display(description="pending since")
    def waits(self, subscriber: Subscriber) -> str:
        return timesince(came_at(subscriber), depth=1)

    @admin.display(description="mails")
    def mails_sent(self, subscriber: Subscriber) -> str:
        found = _open_confirmation(subscriber)
        return f"{found.mails}, last queued {moment(found.asked_at)}" if found else "none sent"

    @admin.display(description="reminded")
    def reminded(self, subscriber: Subscriber) -> datetime | None:
        found = _open_confirmation(subscriber)
        return found.reminded_at if found else None

    @admin.display(description="why mail is blocked")
    def in_the_way(self, subscriber: Subscriber) -> SafeString:
        return subscriber_consent.standing(subscriber)

    @admin.display(description="ledger")
    def ledger(self, subscriber: Subscriber) -> SafeString:
        return subscriber_consent.ledger(subscriber)

    @admin.display(description="tags")
    def tags(self, subscriber: Subscriber) -> SafeString:
        links = subscriber.tag_links.select_related("tag").order_by("tag__name")
        return separated(link_to(link.tag) for link in links)

    @admin.display(description="lists")
    def lists(self, subscriber: Subscriber) -> SafeString:
        memberships = subscriber.memberships.select_related("list").order_by("list__name")
        return bulleted(
            sentence(
                "{}, since {}{}",
                link_to(membership.list),
                moment(membership.subscribed_at),
                f", left {moment(membership.unsubscribed_at)}"
                if membership.unsubscribed_at
                else "",
            )
            for membership in memberships
        )

    @admin.display(description="attributes")
    def attributes_shown(self, subscriber: Subscriber) -> SafeString:
        return json_value(subscriber.attributes)

    @admin.display(description="latest events")
    def latest_events(self, subscriber: Subscriber) -> SafeString:
        events = (
            Event.objects.filter(subscriber=subscriber)
            .select_related("definition")
            .only("occurred_at", "is_historical", "definition__name")
            .order_by("-occurred_at", "-id")
        )
        shown = bulleted(
            sentence(
                "{} {}{}",
                moment(event.occurred_at),
                link_to(event, event.definition.name),
                " (history)" if event.is_historical else "",
            )
            for event in events[:LATEST]
        )
        everything = list_url(Event, subscriber__id__exact=subscriber.pk)
        return sentence('{}<p><a href="{}">All events</a></p>', shown, everything)

    @admin.display(description="latest enrollments")
    def latest_enrollments(self, subscriber: Subscriber) -> SafeString:
        enrollments = (
            Enrollment.objects.filter(subscriber=subscriber)
            .select_related("sequence", "step")
            .order_by("-id")
        )
        shown = bulleted(
            sentence(
                "{} {}: {}{}{}",
                moment(enrollment.entered_at),
                link_to(enrollment, enrollment.sequence.name),
                enrollment.get_status_display().lower(),
                f", at {row_in_words(enrollment.step)}" if enrollment.step else "",
                f", due {moment(enrollment.due_at)}" if enrollment.due_at else "",
            )
            for enrollment in enrollments[:LATEST]
        )
        everything = list_url(Enrollment, subscriber__id__exact=subscriber.pk)
        return sentence('{}<p><a href="{}">All enrollments</a></p>', shown, everything)

    @admin.display(description="latest mails")
    def latest_mails(self, subscriber: Subscriber) -> SafeString:
        emails = (
            OutgoingEmail.objects.filter(subscriber=subscriber)
            .only("subject", "status", "reason", "created_at", "subscriber")
            .order_by("-id")
        )
        shown = bulleted(
            sentence(
                "{} {}: {}{}",
                moment(email.created_at),
                link_to(email, link_tokens.hidden(email.subject) or "(no subject)"),
                email.get_status_display().lower(),
                f", {reason_in_words(email.reason)}" if email.reason else "",
            )
            for email in emails[:LATEST]
        )
        everything = list_url(OutgoingEmail, subscriber__id__exact=subscriber.pk)
        return sentence('{}<p><a href="{}">All mails</a></p>', shown, everything)


def _is_about_pending(request: HttpRequest) -> bool:
    is_pending = request.GET.get("status__exact") == Subscriber.Status.PENDING
    return is_pending or PENDING_FOR in request.GET


def _open_confirmation(subscriber: Subscriber) -> Confirmation | None:
    found: list[Confirmation] = subscriber.open_confirmations  # type: ignore[attr-defined]
    return found[0] if found else None
