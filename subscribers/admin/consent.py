"""The consent ledger, read-only: confirmations, unsubscribes and the like, with when and how."""

from uuid import UUID

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from config.admin_base import ReadOnlyAdmin, link_to
from config.admin_filters import FilteredAdmin, between
from config.readable import NOTHING, moment
from events.models import Event
from subscribers.admin import consent_words
from subscribers.admin.person_search import address_remains, of_person
from subscribers.models import ConsentRecord


@admin.register(ConsentRecord)
class ConsentRecordAdmin(ReadOnlyAdmin, FilteredAdmin):
    """Records of all workspaces, newest first; those of erased people stay without a name."""

    when_empty = "Nobody was asked, confirmed or left yet."
    list_display = ("at", "kind", "who", "how", "said", "workspace")
    list_select_related = ("subscriber", "workspace")
    list_filter = ("kind", "workspace", *between("at", ids_follow=True))
    search_fields = ("id",)
    search_help_text = "Whole address, external id or name"
    fieldsets = (
        (None, {"fields": ("kind", "at", "who", "how", "reason", "list_name", "workspace")}),
        ("Who did it", {"fields": ("actor", "ip_address", "user_agent")}),
        ("Evidence", {"fields": ("event", "key", "request_id", "text_hash")}),
        ("For developers", {"fields": ("address_hash", "id"), "classes": ("collapse",)}),
    )
    readonly_fields = ("who", "how", "event", "ip_address", "key")

    def get_queryset(self, request: HttpRequest) -> QuerySet[ConsentRecord]:
        return super().get_queryset(request).defer("subscriber__attributes")

    def search_condition(self, text: str, workspace_id: UUID | None) -> Q:
        return of_person(text, workspace_id) | address_remains(text)

    def heading(self, record: ConsentRecord) -> str:
        return f"{record.get_kind_display()} {moment(record.at)}"

    @admin.display(description="who")
    def who(self, record: ConsentRecord) -> SafeString | str:
        return link_to(record.subscriber) if record.subscriber else "nobody known"

    @admin.display(description="by")
    def how(self, record: ConsentRecord) -> str:
        return consent_words.how(record) or "-"

    @admin.display(description="reason")
    def said(self, record: ConsentRecord) -> str:
        return (record.list_name or record.reason)[:80] or "-"

    @admin.display(description="IP address")
    def ip_address(self, record: ConsentRecord) -> str:
        return record.ip or "-"

    @admin.display(description="API key")
    def key(self, record: ConsentRecord) -> str:
        return record.api_key or "-"

    @admin.display(description="event")
    def event(self, record: ConsentRecord) -> SafeString:
        rows = Event.objects.select_related("definition")
        event = rows.filter(pk=record.event_id).first() if record.event_id else None
        return link_to(event, event.definition.name) if event else NOTHING
