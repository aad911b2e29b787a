"""Tags: created and coloured here; a name stays, since rules and people refer to it."""

from collections.abc import Callable

from django import forms
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.utils.safestring import SafeString

from config.admin_base import RowForm
from events.services.counts import current
from events.services.sequences import name_uses
from subscribers.admin.people_counts import PeopleCounts
from subscribers.models import Tag
from subscribers.services.audience import tags
from subscribers.wire import tag_names


class TagForm(RowForm):
    def clean_name(self) -> str:
        try:
            return tag_names.normalise(self.cleaned_data["name"])
        except tag_names.InvalidTagName as error:
            raise forms.ValidationError(f"The name {error}") from error


@admin.register(Tag)
class TagAdmin(PeopleCounts):
    when_empty = "There is no tag yet. Sync rules, steps and requests make the tags that they name."
    form = TagForm
    subject = current.Subject.TAG
    parameter = "tag"
    list_display = ("name", "people", "workspace", "color", "created_at")
    list_select_related = ("workspace",)
    list_filter = ("workspace",)
    search_fields = ("name",)
    search_help_text = "Name, from its beginning"
    fields = ("workspace", "name", "color", "people", "created_at")
    readonly_fields = ("people", "created_at")

    def get_readonly_fields(self, request: HttpRequest, obj: Tag | None = None) -> tuple[str, ...]:
        return ("workspace", "name", *self.readonly_fields) if obj else self.readonly_fields

    def fold(self, field: str, text: str) -> str:
        try:
            return tag_names.normalise(text)
        except tag_names.InvalidTagName:
            return text

    def reasons_to_keep(self, row: Tag) -> list[str]:
        return name_uses.of_tag(row)

    def take_from_most(self, row: Tag, check: Callable[[], object]) -> int:
        return tags.take_from_most(tag=row, check=check)

    def delete_model(self, request: HttpRequest, obj: Tag) -> None:
        """Take it from everybody, and make every process reload the tags."""
        tags.delete(tag=obj)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        is_system = isinstance(obj, Tag) and obj.is_system
        return not is_system and super().has_delete_permission(request, obj)

    @admin.display(description="people")
    def people(self, tag: Tag) -> SafeString | str:
        return self.people_of(tag)
