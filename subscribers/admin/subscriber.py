"""Subscribers: who they are, what they bear, and what they did last; read-only."""

from datetime import datetime

from django.contrib import admin
from django.db.models import Prefetch, Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince

from config.admin_base import link_to, list_url
from config.admin_skin import PENDING_FOR
from config.readable import bulleted, json_value, moment, separated
from events.models import Enrollment, Event
from events.wording.reasons import reason_in_words
from events.wording.steps import row_in_words
from subscribers import ids
from subscribers.admin import subscriber_consent
from subscribers.admin.subscriber_filters import BearingTag, OnList, PendingFor, came_at
from subscribers.admin.subscriber_identity import IdentityActions
from subscribers.models import Confirmation, OutgoingEmail, Subscriber
from subscribers.wire import addresses

LATEST = 20


@admin.register(Subscriber)
class SubscriberAdmin(IdentityActions):
    """The people of all workspaces."""

    list_display = ("email", "external_id", "name", "status", "workspace", "created_at")
    list_display_of_pending = ("email", "waits", "mails_sent", "reminded", "workspace")
    list_select_related = ("workspace",)
    list_filter = ("workspace", "status", PendingFor, BearingTag, OnList)
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
        """Leave attributes where they are until a page shows them."""
        rows = super().get_queryset(request).defer("attributes")
        if not _is_about_pending(request):
            return rows
        questions = Confirmation.objects.filter(closed_at=None)
        return rows.prefetch_related(Prefetch("confirmations", questions, to_attr="questions"))

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        """Tell of those pending how long they wait, and how often they were asked."""
        return self.list_display_of_pending if _is_about_pending(request) else self.list_display

    def fold(self, field: str, text: str) -> str:
        """Compare addresses as they are stored for comparing."""
        return text.lower() if field == "email_key" else text

    def search_condition(self, text: str) -> Q:
        """Take a whole address in any of its forms, or an id on the wire, for what it is."""
        row_id = ids.decode("sub", text)
        if row_id is not None:
            return Q(pk=row_id)
        try:
            return Q(email_key=addresses.parse(text).key) | super().search_condition(text)
        except addresses.InvalidAddress:
            return super().search_condition(text)

    @admin.display(description="name")
    def name(self, subscriber: Subscriber) -> str:
        """Return first and last name."""
        return f"{subscriber.first_name} {subscriber.last_name}".strip() or "-"

    @admin.display(description="id")
    def public_id(self, subscriber: Subscriber) -> str:
        """Return the id on the wire."""
        return subscriber.public_id

    @admin.display(description="pending since")
    def waits(self, subscriber: Subscriber) -> str:
        """Return how long ago the person came."""
        return timesince(came_at(subscriber), depth=1)

    @admin.display(description="mails")
    def mails_sent(self, subscriber: Subscriber) -> str:
        """Return how often the person was asked, and when last."""
        question = _question(subscriber)
        return f"{question.mails}, last {moment(question.asked_at)}" if question else "never asked"

    @admin.display(description="reminded")
    def reminded(self, subscriber: Subscriber) -> datetime | None:
        """Return when the person was reminded."""
        question = _question(subscriber)
        return question.reminded_at if question else None

    @admin.display(description="why mail is blocked")
    def in_the_way(self, subscriber: Subscriber) -> SafeString:
        """Return what stands in the way of mail."""
        return subscriber_consent.standing(subscriber)

    @admin.display(description="ledger")
    def ledger(self, subscriber: Subscriber) -> SafeString:
        """Return how the person's consent came to be."""
        return subscriber_consent.ledger(subscriber)

    @admin.display(description="tags")
    def tags(self, subscriber: Subscriber) -> SafeString:
        """Return the tags, linked."""
        links = subscriber.tag_links.select_related("tag").order_by("tag__name")
        return separated(link_to(link.tag) for link in links)

    @admin.display(description="lists")
    def lists(self, subscriber: Subscriber) -> SafeString:
        """Return the lists, linked, with those that the subscriber left."""
        memberships = subscriber.memberships.select_related("list").order_by("list__name")
        return bulleted(
            format_html(
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
        """Return the attributes."""
        return json_value(subscriber.attributes)

    @admin.display(description="latest events")
    def latest_events(self, subscriber: Subscriber) -> SafeString:
        """Return the latest events, newest first, and where to see all."""
        events = (
            Event.objects.filter(subscriber=subscriber)
            .select_related("definition")
            .only("occurred_at", "is_historical", "definition__name")
            .order_by("-occurred_at", "-id")
        )
        shown = bulleted(
            format_html(
                "{} {}{}",
                moment(event.occurred_at),
                link_to(event, event.definition.name),
                " (history)" if event.is_historical else "",
            )
            for event in events[:LATEST]
        )
        everything = list_url(Event, subscriber__id__exact=subscriber.pk)
        return format_html('{}<p><a href="{}">All events</a></p>', shown, everything)

    @admin.display(description="latest enrollments")
    def latest_enrollments(self, subscriber: Subscriber) -> SafeString:
        """Return where the person stands in which sequence, newest first."""
        enrollments = (
            Enrollment.objects.filter(subscriber=subscriber)
            .select_related("sequence", "step")
            .order_by("-id")
        )
        shown = bulleted(
            format_html(
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
        return format_html('{}<p><a href="{}">All enrollments</a></p>', shown, everything)

    @admin.display(description="latest mails")
    def latest_mails(self, subscriber: Subscriber) -> SafeString:
        """Return what was mailed, or was not and why, newest first."""
        emails = (
            OutgoingEmail.objects.filter(subscriber=subscriber)
            .only("subject", "status", "reason", "created_at", "subscriber")
            .order_by("-id")
        )
        shown = bulleted(
            format_html(
                "{} {}: {}{}",
                moment(email.created_at),
                link_to(email, email.subject or "(no subject)"),
                email.get_status_display().lower(),
                f", {reason_in_words(email.reason)}" if email.reason else "",
            )
            for email in emails[:LATEST]
        )
        everything = list_url(OutgoingEmail, subscriber__id__exact=subscriber.pk)
        return format_html('{}<p><a href="{}">All mails</a></p>', shown, everything)


def _is_about_pending(request: HttpRequest) -> bool:
    """Tell whether the list is narrowed to people who have not confirmed."""
    is_pending = request.GET.get("status__exact") == Subscriber.Status.PENDING
    return is_pending or PENDING_FOR in request.GET


def _question(subscriber: Subscriber) -> Confirmation | None:
    """Return the open question that the list brought along."""
    questions: list[Confirmation] = subscriber.questions  # type: ignore[attr-defined]
    return questions[0] if questions else None
