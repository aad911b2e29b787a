"""Event definitions: the first event of a name makes one; they are hidden, never deleted."""

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from config.admin_base import BaseAdmin, list_url, word_when
from events.models import Event, EventDefinition, SyncRule


@admin.register(EventDefinition)
class EventDefinitionAdmin(BaseAdmin):
    list_display = ("name", "workspace", word_when("is_hidden", "Hidden"), "created_at")
    list_select_related = ("workspace",)
    list_filter = ("workspace", "is_hidden")
    search_fields = ("name",)
    search_help_text = "Name, from its beginning"
    fields = ("name", "workspace", "is_hidden", "events", "created_at")
    readonly_fields = ("name", "workspace", "events", "created_at")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    @admin.display(description="events and rules")
    def events(self, definition: EventDefinition) -> SafeString:
        return format_html(
            '<a href="{}">Events</a> · <a href="{}">Sync rules</a>',
            list_url(Event, definition__id__exact=definition.pk),
            list_url(SyncRule, q=definition.name),
        )
