"""Suppressions: addresses that get no mail, after a bounce, a complaint or by an operator."""

from collections.abc import Sequence
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextInputWidget

from config.admin_base import BaseAdmin, RowAction, RowForm, link_to, list_url, view_url
from config.readable import NOTHING, bulleted
from subscribers.admin import consent_words, reasons, subscriber_consent
from subscribers.admin.circumstances import by_operator
from subscribers.admin.person_search import address_remains
from subscribers.models import ConsentRecord, Subscriber, Suppression
from subscribers.services.consent import suppressions
from subscribers.services.consent.suppressions import SuppressionSource
from subscribers.validators import validate_plain_text
from subscribers.wire import addresses

COLOURS = {"hard_bounce": "warning", "complaint": "danger", "manual": "info", "erased": "info"}
LIFT = RowAction(
    name="lifting",
    label="Remove…",
    explanation="Allows mail to the address again. You give a reason.",
    is_link=True,
)
EXPLANATION = (
    "Mail may go to the address again. Bounced people get their earlier status back; people who "
    "complained stay unsubscribed, and only they can subscribe again."
)


class SuppressionForm(RowForm):
    email = forms.CharField(label="Address", max_length=254, widget=UnfoldAdminTextInputWidget())
    details = forms.CharField(
        label="Reason",
        max_length=reasons.LONGEST,
        widget=UnfoldAdminTextInputWidget(),
        help_text="For the ledger.",
    )

    class Meta:
        fields: ClassVar = ("workspace", "email", "details")

    def clean_email(self) -> str:
        try:
            return addresses.parse(self.cleaned_data["email"]).text
        except addresses.InvalidAddress as error:
            raise forms.ValidationError(f"The address {error}") from error

    def clean_details(self) -> str:
        details = " ".join(str(self.cleaned_data["details"]).split())
        validate_plain_text(details)
        return details


@admin.register(Suppression)
class SuppressionAdmin(BaseAdmin):
    """Addresses of all workspaces; of erased people only a hash remains."""

    when_empty = "No address is suppressed: all of them get mail."
    form = SuppressionForm
    list_display = ("address", "why", "by", "details", "bounces", "workspace", "created_at")
    list_select_related = ("workspace",)
    list_filter = ("reason", "workspace")
    search_fields = ("email",)
    search_help_text = "Address, from its beginning"
    fieldsets = (
        (None, {"fields": (
            "address", "reason", "by", "details", "bounces", "created_at", "workspace",
        )}),
        ("Subscribers", {"fields": ("people", "ledger")}),
        ("For developers", {"fields": ("address_hash",), "classes": ("collapse",)}),
    )  # fmt: skip
    readonly_fields = ("address", "by", "people", "ledger")

    def get_fieldsets(self, request: HttpRequest, obj: Suppression | None = None) -> Any:  # noqa: ANN401 - the skin's classes have no types
        fields = SuppressionForm.Meta.fields
        return super().get_fieldsets(request, obj) if obj else [(None, {"fields": fields})]

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """A suppression is removed for a reason, by the action."""
        return False

    def search_condition(self, text: str, workspace_id: UUID | None) -> Q:
        return super().search_condition(text, workspace_id) | address_remains(text)

    def save_model(
        self, request: HttpRequest, obj: Suppression, form: RowForm, change: bool
    ) -> None:
        made = suppressions.suppress(
            workspace=obj.workspace,
            address=obj.email,
            reason=Suppression.Reason.MANUAL,
            source=SuppressionSource.ADMIN,
            details=obj.details,
            circumstances=by_operator(request),
            now=timezone.now(),
        )
        # The log entry and the response name the stored row.
        obj.pk = made.pk

    def row_actions(self, request: HttpRequest, row: Suppression) -> Sequence[RowAction]:
        return [LIFT]

    def action_urls(self) -> list[URLPattern]:
        return [self.action_url("lift", self.lift), self.view_url("lifting", self.show_lifting)]

    def show_lifting(self, request: HttpRequest, suppression: Suppression) -> HttpResponse:
        return reasons.ask(
            self,
            request,
            suppression,
            title=f"Remove the suppression of {suppression}",
            label="Remove",
            explanation=EXPLANATION,
            action="lift",
            # Of an erased person only the hash is known.
            asks_for_address=not suppression.email,
        )

    def lift(self, request: HttpRequest, suppression: Suppression) -> HttpResponse:
        reason = reasons.given(request)
        address = suppression.email or request.POST.get("address", "").strip()
        if reason is not None and not is_address_of(suppression, address):
            messages.error(request, "That is not the address: its hash differs.")
            reason = None
        if reason is None:
            return HttpResponseRedirect(view_url(suppression, "lifting"))
        lifted = suppressions.lift(
            workspace=suppression.workspace,
            address=address,
            reason=reason,
            source=SuppressionSource.ADMIN,
            circumstances=by_operator(request),
            now=timezone.now(),
        )
        if lifted is None:
            messages.warning(request, "Nothing changed: somebody else has removed it.")
        else:
            said = f"{suppression} is no longer suppressed."
            self.tell_done(request, suppression, f"Removed: {reason}", said=said)
        return HttpResponseRedirect(list_url(Suppression))

    @admin.display(description="address")
    def address(self, suppression: Suppression) -> str:
        return str(suppression)

    @admin.display(description="by")
    def by(self, suppression: Suppression) -> str:
        return consent_words.METHODS.get(suppression.source, suppression.source)

    @display(description="reason", label=COLOURS)  # type: ignore[untyped-decorator]
    def why(self, suppression: Suppression) -> tuple[str, str]:
        return suppression.reason, suppression.get_reason_display()

    @admin.display(description="subscribers")
    def people(self, suppression: Suppression) -> SafeString:
        try:
            key = addresses.parse(suppression.email).key
        except addresses.InvalidAddress:
            return NOTHING
        people = Subscriber.objects.filter(workspace=suppression.workspace_id, email_key=key)
        return bulleted(
            format_html("{} ({})", link_to(person), person.get_status_display())
            for person in people.defer("attributes")
        )

    @admin.display(description="ledger")
    def ledger(self, suppression: Suppression) -> SafeString:
        records = ConsentRecord.objects.filter(
            workspace=suppression.workspace_id, address_hash=suppression.address_hash
        )
        return subscriber_consent.lines(records)


def is_address_of(suppression: Suppression, text: str) -> bool:
    try:
        key = addresses.parse(text).key
    except addresses.InvalidAddress:
        return False
    found = suppressions.find(workspace=suppression.workspace, email_key=key)
    return found is not None and found.pk == suppression.pk
