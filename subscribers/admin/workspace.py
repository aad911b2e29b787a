"""Workspaces: their settings, and the preset of sync rules."""

from collections.abc import Sequence

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern

from config.admin_base import BaseAdmin, RowForm
from events.services import sync_rules
from subscribers.models import Workspace
from subscribers.services import workspaces


@admin.register(Workspace)
class WorkspaceAdmin(BaseAdmin):
    """All workspaces; none is deleted here, since everything would go with it."""

    list_display = ("name", "slug", "double_opt_in", "from_email", "timezone", "created_at")
    search_fields = ("slug",)
    search_help_text = "Slug, from its beginning"
    fields = (
        "name",
        "slug",
        "double_opt_in",
        "from_email",
        "from_name",
        "timezone",
        "created_at",
    )
    readonly_fields = ("created_at",)
    prepopulated_fields = {"slug": ("name",)}
    change_form_outer_after_template = "admin/use_preset.html"

    def get_readonly_fields(
        self, request: HttpRequest, obj: Workspace | None = None
    ) -> tuple[str, ...]:
        """Keep the slug: commands and addresses use it."""
        return ("slug", *self.readonly_fields) if obj else self.readonly_fields

    def get_prepopulated_fields(
        self, request: HttpRequest, obj: Workspace | None = None
    ) -> dict[str, Sequence[str]]:
        """Propose a slug for a new one only."""
        return {} if obj else dict(self.prepopulated_fields)

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """Nobody deletes a workspace by a click."""
        return False

    def save_model(
        self,
        request: HttpRequest,
        obj: Workspace,
        form: RowForm,
        change: bool,
    ) -> None:
        """Store it, and let every process know."""
        workspaces.save(changed=obj)

    def action_urls(self) -> list[URLPattern]:
        """Add the preset."""
        return [self.action_url("use-preset", self.use_preset)]

    def use_preset(self, request: HttpRequest, workspace: Workspace) -> HttpResponse | None:
        """Replace the workspace's sync rules by the preset, once the box is ticked."""
        if request.POST.get("replace") != "yes":
            messages.error(request, "Tick the box first: the preset replaces all sync rules.")
            return None
        created = sync_rules.replace_all(workspace=workspace, specs=sync_rules.PRESET)
        self.log_change(
            request, workspace, f"Replaced the sync rules by the preset: {len(created)}"
        )
        messages.success(request, f"The preset's {len(created)} sync rules are in place.")
        return None
