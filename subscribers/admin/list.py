"""Lists: created, changed and deleted here."""

from collections.abc import Callable
from typing import ClassVar

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminTextareaWidget

from config.admin_base import RowForm, word_when
from events.services.counts import current
from events.services.sequences import name_uses
from subscribers.admin.people_counts import PeopleCounts
from subscribers.models import List
from subscribers.services.audience import lists


class ListForm(RowForm):
    class Meta:
        labels: ClassVar = {
            "is_default": "Default",
            "is_private": "Private",
            "allow_member_unsubscribe": "Members may leave",
        }
        widgets: ClassVar = {"description": UnfoldAdminTextareaWidget(attrs={"rows": 3})}


@admin.register(List)
class ListAdmin(PeopleCounts):
    form = ListForm
    when_empty = "There is no list yet. People join lists, and a sequence may belong to one."
    subject = current.Subject.LIST
    parameter = "list"
    list_display = (
        "name", "members", "workspace", word_when("is_default", "Default"),
        word_when("is_private", "Private"), "created_at",
    )  # fmt: skip
    list_select_related = ("workspace",)
    list_filter = ("workspace", "is_default")
    search_fields = ("name",)
    search_help_text = "Name, from its beginning"
    fields = (
        "workspace", "name", "description", "is_default", "is_private", "allow_member_unsubscribe",
        "members", "created_at",
    )  # fmt: skip
    readonly_fields = ("members", "created_at")

    def get_readonly_fields(self, request: HttpRequest, obj: List | None = None) -> tuple[str, ...]:
        return ("workspace", *self.readonly_fields) if obj else self.readonly_fields

    def save_model(self, request: HttpRequest, obj: List, form: RowForm, change: bool) -> None:
        """Store it, and make every process reload it."""
        lists.save(changed=obj)

    def reasons_to_keep(self, row: List) -> list[str]:
        return name_uses.of_list(row)

    def take_from_most(self, row: List, check: Callable[[], object]) -> int:
        return lists.remove_most_members(chosen=row, check=check)

    def delete_model(self, request: HttpRequest, obj: List) -> None:
        """Delete it and its memberships; the people stay."""
        lists.delete(chosen=obj)

    @admin.display(description="members")
    def members(self, chosen: List) -> SafeString | str:
        return self.people_of(chosen)
