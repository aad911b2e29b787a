"""Workspaces: settings, the webhook secret, and the preset of sync rules."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern
from unfold.widgets import UnfoldAdminTextareaWidget

from config.admin_base import RowAction, RowForm, word_when
from events.services.configuration import sync_rules
from subscribers.admin.confirmation_form import CODE, TEMPLATES, ConfirmationForm
from subscribers.admin.confirmation_page import ConfirmationPage
from subscribers.admin.layout_page import LayoutPage
from subscribers.models import Workspace
from subscribers.services.workspaces import workspaces
from subscribers.templating import layout
from subscribers.templating.mail import TemplateFault

MOST_MAILS = 1000
MOST_HOURS = 8760  # A year.

TRACKING = (
    "Off by default. It stores when a mail was opened or a link followed, and whether a person or "
    "a machine did it, but no IP address and nothing about the device. Many laws ask that people "
    "agree first, so name it in your privacy policy. Nobody with the attribute doNotTrack is "
    "tracked."
)
LAYOUT = (
    "HTML around the mails of sequences, with {{content}} once, where the mail belongs. Merge tags "
    "work here too: {{workspace.name}}, {{workspace.postalAddress}}, {{unsubscribeUrl}}. Empty: "
    "mails go as they are. It applies to mail that is sent from now on."
)
NO_SENDER = "Confirmations wait until the workspace has a sender address."


class WorkspaceForm(ConfirmationForm):
    class Meta(ConfirmationForm.Meta):
        help_texts: ClassVar = ConfirmationForm.Meta.help_texts | {"mail_layout": LAYOUT}
        widgets: ClassVar = ConfirmationForm.Meta.widgets | {
            "mail_layout": UnfoldAdminTextareaWidget(attrs=CODE)
        }

    def clean_mail_layout(self) -> str:
        # Browsers send line breaks as CR LF.
        given: str = self.cleaned_data["mail_layout"].replace("\r\n", "\n")
        if not given.strip():
            return ""
        try:
            layout.check(given)
        except TemplateFault as fault:
            raise forms.ValidationError(str(fault)) from fault
        return given

    def clean_mail_cap(self) -> int:
        return self.number("mail_cap", 0, MOST_MAILS)

    def clean_mail_cap_hours(self) -> int:
        return self.number("mail_cap_hours", 1, MOST_HOURS)


@admin.register(Workspace)
class WorkspaceAdmin(LayoutPage, ConfirmationPage):
    form = WorkspaceForm
    list_display = (
        "name", "slug", word_when("double_opt_in", "Double opt-in"), "from_email", "time_zone",
        word_when("is_mail_paused", "Mail paused"), "created_at",
    )  # fmt: skip
    search_fields = ("slug",)
    search_help_text = "Slug, from its beginning"
    fieldsets = (
        (None, {"fields": ("name", "slug", "timezone", "color")}),
        ("Mail", {"fields": (
            "from_email", "from_name", "is_mail_paused", "mail_cap", "mail_cap_hours",
            "language", "has_footer", "footer_link", "postal_address",
        )}),
        ("Layout", {"fields": ("mail_layout", "layout_shown")}),
        ("Opens and clicks", {
            "description": TRACKING,
            "fields": ("tracks_opens", "tracks_clicks", "tracks_transactional"),
        }),
        ("Double opt-in", {"fields": (
            "double_opt_in", "confirmation_needs_button", "confirmation_redirect_url",
            "reminder_hours", "give_up_days",
        )}),
        ("Confirmation mail", {"fields": (*TEMPLATES, "confirmation_shown")}),
        ("More", {"fields": ("signing_secret", "created_at")}),
    )  # fmt: skip
    readonly_fields = ("layout_shown", "confirmation_shown", "signing_secret", "created_at")
    fields_of_new = ("name", "slug", "double_opt_in", "timezone", "from_email", "from_name")
    prepopulated_fields = {"slug": ("name",)}
    change_form_outer_after_template = "admin/below_workspace.html"

    def get_fieldsets(self, request: HttpRequest, obj: Workspace | None = None) -> Any:  # noqa: ANN401 - the skin's classes have no types
        of_new = [(None, {"fields": self.fields_of_new})]
        return super().get_fieldsets(request, obj) if obj else of_new

    def get_readonly_fields(
        self, request: HttpRequest, obj: Workspace | None = None
    ) -> tuple[str, ...]:
        """The slug stays: commands and addresses use it."""
        return ("slug", *self.readonly_fields) if obj else self.readonly_fields

    def get_prepopulated_fields(
        self, request: HttpRequest, obj: Workspace | None = None
    ) -> dict[str, Sequence[str]]:
        return {} if obj else dict(self.prepopulated_fields)

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """No workspace is deleted here: all its data would go with it."""
        return False

    def save_model(self, request: HttpRequest, obj: Workspace, form: RowForm, change: bool) -> None:
        """Store it, and make every process reload it."""
        workspaces.save(changed=obj)
        if obj.double_opt_in and not obj.from_email:
            messages.warning(request, NO_SENDER)

    def action_urls(self) -> list[URLPattern]:
        return [
            *super().action_urls(),
            self.action_url("use-preset", self.use_preset),
            self.action_url("show-secret", self.show_secret),
        ]

    def row_actions(self, request: HttpRequest, row: Workspace) -> Sequence[RowAction]:
        explanation = "Receivers verify webhooks with it. The log records who looked."
        return [RowAction(name="show-secret", label="Show webhook secret", explanation=explanation)]

    def show_secret(self, request: HttpRequest, workspace: Workspace) -> HttpResponse:
        """Show the secret in this one response, which is not cached."""
        self.log_change(request, workspace, "Looked at the webhook secret")
        response = self.page(
            request, "admin/webhook_secret.html", title="Webhook secret", workspace=workspace
        )
        response["Cache-Control"] = "no-store"
        return response

    @admin.display(description="time zone")
    def time_zone(self, workspace: Workspace) -> str:
        return workspace.timezone

    @admin.display(description="webhook secret")
    def signing_secret(self, workspace: Workspace) -> str:
        return f"{workspace.webhook_secret[:6]}…"

    def use_preset(self, request: HttpRequest, workspace: Workspace) -> HttpResponse | None:
        if request.POST.get("replace") != "yes":
            messages.error(request, "Tick the box first: the preset replaces all sync rules.")
            return None
        created = sync_rules.replace_all(workspace=workspace, specs=sync_rules.PRESET)
        self.log_change(
            request, workspace, f"Replaced the sync rules by the preset: {len(created)}"
        )
        messages.success(request, f"The preset's {len(created)} sync rules are in place.")
        return None
