"""API keys: created here and shown once, renamed, revoked."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils import timezone
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldBooleanSwitchWidget

from config.admin_base import BaseAdmin, RowForm
from subscribers.models import ApiKey
from subscribers.models.api_key import Scope
from subscribers.services.workspaces import api_keys


class ApiKeyForm(RowForm):
    scopes = forms.MultipleChoiceField(
        choices=Scope.choices,
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="What the key may do, if not everything.",
    )
    is_full = forms.BooleanField(
        required=False,
        label="Full access",
        help_text="Now and with every later release.",
        widget=UnfoldBooleanSwitchWidget,
    )

    class Meta:
        labels: ClassVar = {"is_test": "Test key"}

    def clean(self) -> dict[str, Any]:
        """Ask for a decision: nothing chosen is not everything."""
        cleaned = super().clean() or self.cleaned_data
        if self.instance._state.adding and bool(cleaned.get("scopes")) == cleaned.get("is_full"):
            raise forms.ValidationError("Choose what the key may do, or full access.")
        return cleaned

    def clean_expires_at(self) -> Any:  # noqa: ANN401 - a datetime or None
        expires_at = self.cleaned_data["expires_at"]
        if expires_at is not None and expires_at <= timezone.now():
            raise forms.ValidationError("The key would have expired already.")
        return expires_at


@admin.register(ApiKey)
class ApiKeyAdmin(BaseAdmin):
    """Keys of all workspaces; the full key is stored nowhere."""

    when_empty = "There is no API key yet. An application needs one to report events."
    form = ApiKeyForm
    list_display = (
        "name", "prefix", "workspace", "test", "state", "last_used_at", "created_at",
    )  # fmt: skip
    list_select_related = ("workspace",)
    list_filter = ("workspace",)
    search_fields = ("prefix",)
    search_help_text = "The key's first characters"
    change_form_outer_after_template = "admin/revoke_key.html"

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> tuple[str, ...]:
        if obj is None:
            return ("workspace", "name", "is_full", "scopes", "is_test", "expires_at")
        return ("name", *self.get_readonly_fields(request, obj))

    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as Django has it
        field: Any = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "expires_at":
            field.help_text += f" By the clock of {timezone.get_current_timezone_name()}."
        return field

    def get_readonly_fields(
        self, request: HttpRequest, obj: ApiKey | None = None
    ) -> tuple[str, ...]:
        """Only the name may change: applications rely on the rest."""
        if obj is None:
            return ()
        times = ("created_at", "expires_at", "last_used_at", "revoked_at")
        return ("workspace", "prefix", "state", "may", "test", *times)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: ApiKey, form: RowForm, change: bool) -> None:
        if change:
            api_keys.save(api_key=obj)
            return
        created = api_keys.create(
            workspace=obj.workspace,
            name=obj.name,
            scopes=[Scope(scope) for scope in form.cleaned_data["scopes"]] or None,
            expires_at=obj.expires_at,
            is_test=obj.is_test,
        )
        # The log entry and the response name the stored row.
        obj.pk = created.api_key.pk
        obj.prefix = created.api_key.prefix
        obj.text_shown_once = created.text  # type: ignore[attr-defined]  # for `response_add`

    def response_add(
        self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Show the key in this one response; a redirect would have to store it."""
        response = self.page(
            request,
            "admin/new_key.html",
            title="Copy the API key now",
            api_key=obj,
            text=obj.text_shown_once,  # type: ignore[attr-defined]  # set by `save_model`
        )
        response["Cache-Control"] = "no-store"
        return response

    def action_urls(self) -> list[URLPattern]:
        return [self.action_url("revoke", self.revoke)]

    def revoke(self, request: HttpRequest, api_key: ApiKey) -> HttpResponse | None:
        if api_key.revoked_at is None:
            api_keys.revoke(api_key=api_key, now=timezone.now())
            self.log_change(request, api_key, "Revoked")
        messages.success(request, f"{api_key} is revoked; the next request with it is refused.")
        return None

    @admin.display(description="state")
    def state(self, api_key: ApiKey) -> str:
        if api_key.revoked_at is not None:
            return "revoked"
        return "usable" if api_key.is_usable(at=timezone.now()) else "expired"

    @admin.display(description="test", empty_value="")
    def test(self, key: ApiKey) -> str:
        return "Test" if key.is_test else ""

    @admin.display(description="scopes")
    def may(self, api_key: ApiKey) -> str:
        return "everything" if api_key.scopes is None else ", ".join(api_key.scopes)
