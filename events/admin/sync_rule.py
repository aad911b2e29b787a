"""Sync rules: create, change, try and delete; tags are named, and new ones are created."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.forms.fields import InvalidJSONInput
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from config.admin_base import BaseAdmin, RowForm
from config.readable import separated
from events.admin import rule_trial
from events.admin.rule_trial import Trial
from events.decisions import sync_rules as rules
from events.models import SyncRule, SyncRuleTag
from events.services.configuration import sync_rules
from events.services.configuration.sync_rules import RuleSpec
from subscribers.validators import validate_name
from subscribers.wire import json_gate, names, tag_names

# The button, and the parameter of an address, that try the rule.
TRY, TRY_STORED = "_try", "try"
ROLE_BY_FIELD = {
    "add": SyncRuleTag.Role.ADD,
    "remove": SyncRuleTag.Role.REMOVE,
    "requires": SyncRuleTag.Role.REQUIRES,
    "requires_not": SyncRuleTag.Role.REQUIRES_NOT,
}


class TagNamesField(forms.CharField):
    """Tag names with commas between them; normalised, each once."""

    widget = UnfoldAdminTextInputWidget

    def clean(self, value: Any) -> list[str]:  # noqa: ANN401 - as Django has it
        found = []
        for name in filter(str.strip, (super().clean(value) or "").split(",")):
            try:
                found.append(tag_names.normalise(name))
            except tag_names.InvalidTagName as error:
                raise forms.ValidationError(f"The tag “{name.strip()}” {error}") from error
        return list(dict.fromkeys(found))


class ProductField(forms.JSONField):
    """JSON that is shown again as it was typed, even where a page could not encode its value."""

    widget = UnfoldAdminTextareaWidget(attrs={"rows": 4})

    def to_python(self, value: Any) -> Any:  # noqa: ANN401 - as Django has it
        try:
            return super().to_python(value)
        except (RecursionError, ValueError) as error:
            raise forms.ValidationError("It nests too deeply, or a number is too long.") from error

    def prepare_value(self, value: Any) -> Any:  # noqa: ANN401 - as Django has it
        return "" if value is None else super().prepare_value(value)

    def bound_data(self, data: Any, initial: Any) -> Any:  # noqa: ANN401 - as Django has it
        return InvalidJSONInput(data or "")


def _tag_names(label: str, help_text: str) -> TagNamesField:
    return TagNamesField(required=False, label=label, help_text=help_text)


class SyncRuleForm(RowForm):
    remove = _tag_names("Remove tags", "Removed first. Separate tags with commas.")
    add = _tag_names("Add tags", "Added after that. Separate tags with commas.")
    requires = _tag_names("Only with tags", "Applies only to people who have all of them.")
    requires_not = _tag_names("Only without tags", "Applies only to people who have none of them.")
    purchased_product = ProductField(
        required=False,
        label="Only for products",
        help_text='Such as {"vendors": ["Acme"]}; keys: '
        + ", ".join(rules.PRODUCT_KEYS)
        + ", each a list of texts. One product of the event must meet every key.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance._state.adding:
            return
        links = self.instance.tag_roles.select_related("tag").order_by("position")
        for field, role in ROLE_BY_FIELD.items():
            self.initial[field] = ", ".join(link.tag.name for link in links if link.role == role)

    def clean_trigger_event(self) -> str:
        name: str = self.cleaned_data["trigger_event"]
        validate_name(name)
        return names.plain(name)

    def clean_purchased_product(self) -> dict[str, list[str]] | None:
        wanted = self.cleaned_data["purchased_product"]
        if not wanted:
            return None
        if not isinstance(wanted, dict):
            raise forms.ValidationError("Must be an object such as {} with lists of texts.")
        unknown = sorted(wanted.keys() - rules.PRODUCT_KEYS.keys())
        if unknown:
            raise forms.ValidationError(f"Unknown key: {json_gate.printable(unknown[0])}.")
        for key, values in wanted.items():
            texts = values if isinstance(values, list) else [None]
            if not texts or not all(isinstance(text, str) and text.strip() for text in texts):
                raise forms.ValidationError(f"{key} must be a list of texts, at least one.")
        fault = json_gate.find_unstorable(wanted)
        if fault:
            raise forms.ValidationError(f"It holds {fault}.")
        return wanted

    def clean(self) -> dict[str, Any]:
        """Refuse a rule that changes nothing."""
        cleaned = super().clean() or self.cleaned_data
        if not self.errors and not cleaned.get("add") and not cleaned.get("remove"):
            raise forms.ValidationError("Name at least one tag to add or to remove.")
        return cleaned

    def spec(self) -> RuleSpec:
        return RuleSpec(
            trigger_event=self.cleaned_data["trigger_event"],
            purchased_product=self.cleaned_data["purchased_product"],
            **{field: self.cleaned_data[field] for field in ROLE_BY_FIELD},
        )


@admin.register(SyncRule)
class SyncRuleAdmin(BaseAdmin):
    when_empty = "There is no sync rule yet. It adds and removes tags when an event comes."
    form = SyncRuleForm
    list_display = ("trigger_event", "position", "removes", "adds", "workspace")
    list_select_related = ("workspace",)
    list_filter = ("workspace",)
    search_fields = ("trigger_event",)
    search_help_text = "The event's name, from its beginning"
    fields = (
        "workspace", "trigger_event", "position", "remove", "add", "requires", "requires_not",
        "purchased_product",
    )  # fmt: skip

    change_form_outer_after_template = "admin/try_rule.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[SyncRule]:
        return super().get_queryset(request).prefetch_related("tag_roles__tag")

    def get_readonly_fields(
        self, request: HttpRequest, obj: SyncRule | None = None
    ) -> tuple[str, ...]:
        return ("workspace",) if obj else ()

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show the form; if it was sent to be tried and is valid, again with the result."""
        context = {**(extra_context or {}), "may_try": _may_see_events(request)}
        if request.method == "POST" and TRY in request.POST:
            trial = self._trial_of_form(request, object_id)
            if trial is None and not _may_see_events(request):
                raise PermissionDenied
            if trial is not None:
                # What follows shows the form as for a visit, and stores nothing.
                request.method, context["trial"] = "GET", trial
        return super().changeform_view(request, object_id, form_url, context)

    def get_form(
        self, request: HttpRequest, obj: SyncRule | None = None, *args: Any, **kwargs: Any
    ) -> Any:  # noqa: ANN401 - a class that Django makes of `form`
        """Return the form; after a trial one that shows what was sent."""
        form: Any = super().get_form(request, obj, *args, **kwargs)
        if request.method != "GET" or TRY not in request.POST:
            return form

        class Sent(form):  # type: ignore[misc] # a class made by Django
            def __init__(self, *args: Any, **more: Any) -> None:
                super().__init__(request.POST, *args, **more)

        return Sent

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        rule = kwargs.get("obj")
        is_asked = TRY_STORED in request.GET and "trial" not in context
        if rule and is_asked and _may_see_events(request):
            spec = sync_rules.spec_of(rule)
            context["trial"] = rule_trial.of(workspace_id=rule.workspace_id, spec=spec)
        return super().render_change_form(request, context, *args, **kwargs)

    def _trial_of_form(self, request: HttpRequest, object_id: str | None) -> Trial | None:
        """Try the rule in the form; None if the form is not valid, or the user may not."""
        row = self.get_object(request, unquote(object_id)) if object_id else None
        rule = row if isinstance(row, SyncRule) else None
        is_missing = bool(object_id) and rule is None
        allowed = (
            self.has_change_permission(request, rule) if rule else self.has_add_permission(request)
        )
        if is_missing or not allowed or not _may_see_events(request):
            return None
        form = self.get_form(request, rule, change=rule is not None)(request.POST, instance=rule)
        if not form.is_valid():
            return None
        workspace_id = rule.workspace_id if rule else form.cleaned_data["workspace"].pk
        return rule_trial.of(workspace_id=workspace_id, spec=form.spec())

    def save_model(
        self, request: HttpRequest, obj: SyncRule, form: SyncRuleForm, change: bool
    ) -> None:
        sync_rules.save(rule=obj, spec=form.spec())

    def delete_model(self, request: HttpRequest, obj: SyncRule) -> None:
        sync_rules.delete(rule=obj)

    @admin.display(description="removes")
    def removes(self, rule: SyncRule) -> SafeString:
        return _tags(rule, SyncRuleTag.Role.REMOVE)

    @admin.display(description="adds")
    def adds(self, rule: SyncRule) -> SafeString:
        return _tags(rule, SyncRuleTag.Role.ADD)


def _may_see_events(request: HttpRequest) -> bool:
    return bool(request.user.has_perm("events.view_event"))


def _tags(rule: SyncRule, role: SyncRuleTag.Role) -> SafeString:
    links = sorted(rule.tag_roles.all(), key=lambda link: link.position)
    return separated(link.tag.name for link in links if link.role == role)
