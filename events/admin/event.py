"""Events: what was reported, what its receipt did, and why it did no more; read-only."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.views.main import SEARCH_VAR
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe

from config.admin_base import (
    BEFORE,
    KeysetChangeList,
    ReadOnlyAdmin,
    RowAction,
    UnusableAddress,
    admin_url,
    link_to,
    starting_with,
    view_url,
)
from config.admin_filters import FilteredAdmin
from config.readable import bulleted, sentence, time_tag
from events.admin import event_filters, event_list, event_replay, property_tree
from events.admin.effect_sentences import sentences
from events.models import Event
from subscribers.admin.person_search import row_or_person
from subscribers.ids import encode, first_id_at

NEWER = "events_event_newer"
# Sent by a page that asks by itself: that is no use of the session, whose idle end stays.
LIVE = "X-Cueline-Live"


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin, FilteredAdmin):
    when_empty = "No event was received yet. The home page has a first request to copy."
    list_display = ("received_at", "name", "subscriber", "event_id", "happened")
    list_display_links = ("received_at", "name")
    list_select_related = ("definition", "subscriber")
    list_filter = (
        "workspace", event_filters.NameFilter, event_filters.PersonFilter, event_filters.FROM,
        event_filters.UNTIL, event_filters.PropertyFilter, event_filters.HistoryFilter,
        event_filters.EffectsFilter, event_filters.StageFilter,
    )  # fmt: skip
    list_before_template = "admin/event_list.html"
    search_fields = ("id",)
    search_help_text = "Id, event, address, external id or name"
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "definition_link",
                    "subscriber_link",
                    "public_id",
                    "event_id_shown",
                    "neighbours",
                )
            },
        ),
        (None, {"fields": ("properties_shown",)}),
        (None, {"fields": ("effects_shown", "failed_stages")}),
        ("Dates", {"fields": ("received_at", "happened", "workspace")}),
    )
    readonly_fields = (
        "definition_link", "subscriber_link", "public_id", "event_id_shown", "properties_shown",
        "effects_shown", "failed_stages", "happened", "neighbours",
    )  # fmt: skip
    change_form_outer_after_template = "admin/copy_paths.html"

    def heading(self, event: Event) -> str:
        return f"{event.definition} of {event.subscriber}"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Event]:
        rows = super().get_queryset(request)
        is_one = bool(request.resolver_match and "object_id" in request.resolver_match.kwargs)
        if is_one:
            return rows.select_related("definition", "subscriber", "workspace")
        return rows.defer("properties", "effects")

    def sort_field_for(self, filters: frozenset[str]) -> str | None:
        """Sort the events of one subscriber or name by `occurred_at`: an index has that order."""
        return "occurred_at" if event_filters.BY_OCCURRENCE & filters else None

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[KeysetChangeList]:
        is_newer = request.resolver_match and request.resolver_match.url_name == NEWER
        return event_list.NewerEvents if is_newer else event_list.EventList

    def offered(self, request: HttpRequest) -> set[str]:
        is_newer = self.get_changelist(request) is event_list.NewerEvents
        return super().offered(request) | ({event_list.AFTER} if is_newer else set())

    def action_urls(self) -> list[URLPattern]:
        newer = self.admin_site.admin_view(require_safe(self.count_newer))
        return [
            path("newer/", newer, name=NEWER),
            self.view_url(event_replay.REPLAY.name, self.ask_to_replay),
            self.action_url("replay", self.replay),
        ]

    def row_actions(self, request: HttpRequest, row: Event) -> Sequence[RowAction]:
        return (event_replay.REPLAY,)

    def ask_to_replay(self, request: HttpRequest, event: Event) -> HttpResponse:
        return self.page(
            request,
            "admin/replay_event.html",
            title="Replay",
            row=self.heading(event),
            back=admin_url(event),
            address=view_url(event, "replay"),
            may_act=self.may_act(request, event),
            **event_replay.page_context(event, now=timezone.now()),
        )

    def replay(self, request: HttpRequest, event: Event) -> HttpResponse | None:
        new = event_replay.replay(request, event)
        if new is None:
            return None
        self.log_change(request, new, f"Replayed from {event.public_id}")
        self.tell_done(request, event, f"Replayed as {new.public_id}")
        return HttpResponseRedirect(admin_url(new))

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the list; the search for a name leads to the filter that has an index for it."""
        if (name := self._name_searched(request)) is not None:
            rest = request.GET.copy()
            for each in (SEARCH_VAR, BEFORE):
                rest.pop(each, None)
            rest[event_filters.NAME] = name
            return HttpResponseRedirect(f"{request.path}?{rest.urlencode()}")
        shown_at = encode("evt", first_id_at(timezone.now()))
        page = super().changelist_view(request, {"shown_at": shown_at, **(extra_context or {})})
        if LIVE in request.headers:
            request.session.modified = False
        return page

    def count_newer(self, request: HttpRequest) -> HttpResponse:
        """Answer how many events the list has that came after an id, up to a limit, in words."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        try:
            is_offered = request.GET.keys() <= self.offered(request)
            listed = self.get_changelist_instance(request) if is_offered else None
        except UnusableAddress:
            listed = None
        request.session.modified = False
        words = listed.in_words if isinstance(listed, event_list.NewerEvents) else ""
        return JsonResponse({"words": words})

    def _name_searched(self, request: HttpRequest) -> str | None:
        text = request.GET.get(SEARCH_VAR, "").strip().replace("\0", "")
        if not text or not self.has_view_or_change_permission(request):
            return None
        if (
            event_filters.NAME in request.GET
            or Event.objects.filter(self.search_condition(text, None)).exists()
        ):
            return None
        known = event_filters.definitions(request).filter(starting_with("name", text))
        return text if known.exists() else None

    def search_condition(self, text: str, workspace_id: UUID | None) -> Q:
        return row_or_person("evt", text, workspace_id)

    @admin.display(description="event")
    def name(self, event: Event) -> str:
        return event.definition.name

    @admin.display(description="name")
    def definition_link(self, event: Event) -> SafeString:
        return link_to(event.definition)

    @admin.display(description="subscriber")
    def subscriber_link(self, event: Event) -> SafeString:
        return link_to(event.subscriber)

    @admin.display(description="id")
    def public_id(self, event: Event) -> str:
        return event.public_id

    @admin.display(description="event id")
    def event_id_shown(self, event: Event) -> SafeString:
        if event.event_id is None:
            return sentence("{}", "none was given, so a repeat is another event")
        if origin := event_replay.origin(event):
            return sentence("{}: {}", event.event_id, origin)
        return sentence(
            "{} (a repeat of it is answered with this event: it writes nothing and starts nothing)",
            event.event_id,
        )

    @admin.display(description="properties")
    def properties_shown(self, event: Event) -> SafeString:
        return property_tree.tree(event.properties)

    @admin.display(description="before and after")
    def neighbours(self, event: Event) -> SafeString:
        """Link the person's events before and after; two queries, by the index of the timeline."""
        theirs = Event.objects.filter(subscriber=event.subscriber_id).select_related("definition")
        at = event.occurred_at
        # The index is read by the first part alone.
        earlier = theirs.filter(Q(occurred_at__lt=at) | Q(pk__lt=event.pk), occurred_at__lte=at)
        later = theirs.filter(Q(occurred_at__gt=at) | Q(pk__gt=event.pk), occurred_at__gte=at)
        found = {
            "Earlier": earlier.order_by("-occurred_at", "-id").first(),
            "Later": later.order_by("occurred_at", "id").first(),
        }
        return bulleted(
            sentence(
                "{}: {}, {}", word, link_to(row, row.definition.name), time_tag(row.occurred_at)
            )
            for word, row in found.items()
            if row
        )

    @admin.display(description="effects")
    def effects_shown(self, event: Event) -> SafeString | str:
        if not event.effects:
            return (
                "Nothing followed: no sync rule changed a tag, no sequence has this event as its "
                "trigger, and no enrollment waited for it."
            )
        return bulleted(sentences(event))

    @admin.display(description="occurred at")
    def happened(self, event: Event) -> SafeString:
        history = ", history" if event.is_historical else ""
        return sentence("{}{}", time_tag(event.occurred_at), history)

    @admin.display(description="retries")
    def failed_stages(self, event: Event) -> SafeString:
        return bulleted(link_to(failed) for failed in event.failed_stages.order_by("pk"))
