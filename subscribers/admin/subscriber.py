"""Subscribers: who they are, what they bear, and what they did last; read-only."""

from typing import Any

from django.contrib import admin
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from config.admin_base import ReadOnlyAdmin, link_to, list_url
from config.readable import bulleted, json_value, moment, separated
from events.admin.step_words import row_in_words
from events.models import Enrollment, Event
from subscribers import addresses, ids
from subscribers.admin import mail_words
from subscribers.models import List, OutgoingEmail, Subscriber, Tag

LATEST = 20


class ChosenByLink(admin.SimpleListFilter):
    """Narrows to what hangs on one row, which a link chose: there may be thousands to offer."""

    model: type[Model]
    parameter_name: str

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        """Offer the row that was chosen, so that it can be seen and left again."""
        row = self.chosen(request.GET.get(self.parameter_name, ""))
        return [(row.pk.hex, str(row))] if row else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Keep what hangs on the chosen row."""
        row = self.chosen(self.value())
        return queryset.filter(self.condition(row)) if row else queryset

    def chosen(self, text: str | None) -> Any:  # noqa: ANN401 - a row of the model, or None
        """Return the row with the id, if there is one."""
        row_id = ids.decode("id", f"id_{text}")
        return self.model._default_manager.filter(pk=row_id).first() if row_id else None

    def condition(self, row: Any) -> Q:  # noqa: ANN401 - a row of the model
        """Return what hangs on the row."""
        raise NotImplementedError


class BearingTag(ChosenByLink):
    """Those who bear a tag."""

    title = "tag"
    parameter_name = "tag"
    model = Tag

    def condition(self, row: Any) -> Q:  # noqa: ANN401 - as above
        """One link for each pair: nobody is found twice."""
        return Q(tag_links__tag=row)


class OnList(ChosenByLink):
    """Those who are on a list now."""

    title = "list"
    parameter_name = "list"
    model = List

    def condition(self, row: Any) -> Q:  # noqa: ANN401 - as above
        """One membership for each pair: nobody is found twice."""
        return Q(memberships__list=row, memberships__unsubscribed_at=None)


@admin.register(Subscriber)
class SubscriberAdmin(ReadOnlyAdmin):
    """The people of all workspaces."""

    list_display = ("email", "external_id", "name", "status", "workspace", "created_at")
    list_select_related = ("workspace",)
    list_filter = ("workspace", "status", BearingTag, OnList)
    search_fields = ("email_key", "external_id")
    search_help_text = "Address or external id, from its beginning"
    fieldsets = (
        (None, {"fields": ("email", "external_id", "name", "status", "workspace", "public_id")}),
        ("What they bear", {"fields": ("tags", "lists", "attributes_shown", "timezone")}),
        ("What they did", {"fields": ("latest_events",)}),
        ("What they get", {"fields": ("latest_enrollments", "latest_mails")}),
        ("When", {"fields": ("created_at", "updated_at", "unsubscribed_at")}),
    )
    readonly_fields = (
        "tags", "lists", "attributes_shown", "latest_events", "latest_enrollments", "latest_mails",
        "public_id", "name",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Subscriber]:
        """Leave attributes where they are until a page shows them."""
        return super().get_queryset(request).defer("attributes")

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
                f", {mail_words.reason_in_words(email.reason)}" if email.reason else "",
            )
            for email in emails[:LATEST]
        )
        everything = list_url(OutgoingEmail, subscriber__id__exact=subscriber.pk)
        return format_html('{}<p><a href="{}">All mails</a></p>', shown, everything)
