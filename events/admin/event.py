"""Events: what was reported, what its receipt did, and why it did no more; read-only."""

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from config.admin_base import ReadOnlyAdmin, link_to
from config.readable import bulleted, json_value, sentence, time_tag
from events.admin.effect_sentences import sentences
from events.models import Event
from subscribers.admin.person_search import row_or_person


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    list_display = ("received_at", "definition", "subscriber", "event_id", "happened")
    list_select_related = ("definition", "subscriber")
    search_fields = ("id",)
    search_help_text = "evt_… id, whole address, external id or name"
    fieldsets = (
        (None, {"fields": ("definition_link", "subscriber_link", "public_id", "event_id_shown")}),
        ("Properties", {"fields": ("properties_shown",)}),
        ("Effects", {"fields": ("effects_shown", "failed_stages")}),
        ("Dates", {"fields": ("received_at", "happened", "workspace")}),
    )
    readonly_fields = (
        "definition_link", "subscriber_link", "public_id", "event_id_shown", "properties_shown",
        "effects_shown", "failed_stages", "happened",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Event]:
        rows = super().get_queryset(request)
        is_one = bool(request.resolver_match and "object_id" in request.resolver_match.kwargs)
        if is_one:
            return rows.select_related("definition", "subscriber", "workspace")
        return rows.defer("properties", "effects")

    def sort_field_for(self, filters: frozenset[str]) -> str | None:
        """Sort the events of one subscriber or name by `occurred_at`: an index has that order."""
        narrowed = {"subscriber__id__exact", "definition__id__exact"} & filters
        return "occurred_at" if narrowed else None

    def search_condition(self, text: str) -> Q:
        return row_or_person("evt", text)

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
        return sentence(
            "{} (a repeat of it is answered with this event: it writes nothing and starts nothing)",
            event.event_id,
        )

    @admin.display(description="properties")
    def properties_shown(self, event: Event) -> SafeString:
        return json_value(event.properties)

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
