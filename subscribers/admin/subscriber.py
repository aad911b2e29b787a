"""Subscribers: the list, and the page of one person; changed by the actions only."""

from contextlib import suppress
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import Prefetch, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.timesince import timesince
from unfold.decorators import display

from config.admin_filters import FilteredAdmin, between
from config.admin_skin import PENDING_FOR
from config.readable import moment, time_tag
from events.services.segments.limits import TookTooLong, time_limit
from subscribers import ids
from subscribers.admin import subscriber_page
from subscribers.admin.person_search import named
from subscribers.admin.subscriber_enrolling import EnrollingActions
from subscribers.admin.subscriber_filters import Came, HasTag, InSegment, OnList, PendingFor
from subscribers.models import Confirmation, Subscriber
from subscribers.wire import addresses

if TYPE_CHECKING:
    from django.contrib.admin.views.main import ChangeList

SEGMENT_TOO_SLOW = (
    "Looking for the segment's people took longer than five seconds and was stopped: the list is "
    "shown without it. An export finds them all."
)


@admin.register(Subscriber)
class SubscriberAdmin(EnrollingActions, FilteredAdmin):
    when_empty = "There is nobody yet. The first event of a person creates them."
    list_display = ("email", "external_id", "name", "state", "workspace", "created_at")
    list_display_of_pending = ("email", "waits", "mails_sent", "reminded", "workspace")
    list_select_related = ("workspace",)
    list_filter = (
        "workspace",
        "status",
        InSegment,
        PendingFor,
        HasTag,
        OnList,
        *between("pk", base=Came),
    )
    search_fields = ("email_key", "external_id")
    search_help_text = "Name, address or external id"
    fieldsets = ()

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

    def search_condition(self, text: str, workspace_id: UUID | None) -> Q:
        """Accept a name, a whole address in any of its forms, or a public id."""
        row_id = ids.decode("sub", text)
        if row_id is not None:
            return Q(pk=row_id)
        found = super().search_condition(text, workspace_id) | named(text, workspace_id)
        with suppress(addresses.InvalidAddress):
            found |= Q(email_key=addresses.parse(text).key)
        return found

    @display(description="status", label=subscriber_page.COLOURS)  # type: ignore[untyped-decorator]
    def state(self, subscriber: Subscriber) -> tuple[str, str]:
        return subscriber.status, subscriber.get_status_display()

    @admin.display(description="name")
    def name(self, subscriber: Subscriber) -> str:
        return subscriber_page.name_of(subscriber) or "-"

    @admin.display(description="pending since")
    def waits(self, subscriber: Subscriber) -> str:
        return timesince(ids.created_at(subscriber.pk), depth=1)

    @admin.display(description="mails")
    def mails_sent(self, subscriber: Subscriber) -> str:
        found = _open_confirmation(subscriber)
        return f"{found.mails}, last queued {moment(found.asked_at)}" if found else "none sent"

    @admin.display(description="reminded")
    def reminded(self, subscriber: Subscriber) -> str:
        found = _open_confirmation(subscriber)
        return time_tag(found.reminded_at) if found and found.reminded_at else "-"

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        context |= subscriber_page.context(request, kwargs["obj"], now=timezone.now())
        return super().render_change_form(request, context, *args, **kwargs)


def _is_about_pending(request: HttpRequest) -> bool:
    is_pending = request.GET.get("status__exact") == Subscriber.Status.PENDING
    return is_pending or PENDING_FOR in request.GET


def _open_confirmation(subscriber: Subscriber) -> Confirmation | None:
    found: list[Confirmation] = subscriber.open_confirmations  # type: ignore[attr-defined]
    return found[0] if found else None
