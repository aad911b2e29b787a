"""The confirmation mail on a workspace's page: a preview, and a test mail to an operator."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils.html import format_html
from django.utils.safestring import SafeString

from config.admin_base import BaseAdmin, view_url
from events.wording.reasons import reason_in_words
from subscribers.admin.mail_preview import as_stored, frame, sandboxed
from subscribers.models import Workspace
from subscribers.services.consent import trial as confirmation_trial
from subscribers.services.outbox import trial as trial_mail
from subscribers.services.outbox.delivery import DeliveryOutcome
from subscribers.templating.mail import TemplateFault
from subscribers.wire import addresses


class ConfirmationPage(BaseAdmin):
    def formfield_for_dbfield(
        self, db_field: "models.Field[Any, Any]", request: HttpRequest, **kwargs: Any
    ) -> forms.Field | None:
        more = {"assume_scheme": "https"} if isinstance(db_field, models.URLField) else {}
        field: forms.Field | None = super().formfield_for_dbfield(
            db_field, request, **more, **kwargs
        )
        return field

    def action_urls(self) -> list[URLPattern]:
        return [
            *super().action_urls(),
            self.view_url("confirmation-preview", _preview),
            self.action_url("send-confirmation-test", self.send_confirmation_test),
        ]

    def send_confirmation_test(self, request: HttpRequest, workspace: Workspace) -> None:
        recipient = request.POST.get("address", "").strip()
        try:
            trial = confirmation_trial.send(workspace=workspace, recipient=recipient)
        except addresses.InvalidAddress as error:
            messages.error(request, f"The address {error}")
            return
        except (TemplateFault, trial_mail.NoSender) as error:
            messages.error(request, str(error))
            return
        self.log_change(request, workspace, "Sent a test of the confirmation mail")
        if trial.delivery is None:
            reason = reason_in_words(trial.verdict.reason)
            messages.error(request, f"Not sent: {reason}.")
        elif trial.delivery.outcome is DeliveryOutcome.SENT:
            messages.success(request, f"The test was handed over for {recipient}.")
        else:
            outcome = trial.delivery.outcome.value
            messages.error(request, f"Not sent ({outcome}): {trial.delivery.error}")

    @admin.display(description="as it is stored")
    def confirmation_shown(self, workspace: Workspace) -> SafeString:
        """Return subject, HTML in a frame, and text, as a person without a name gets them."""
        try:
            mail = confirmation_trial.sample(workspace=as_stored(workspace))
        except TemplateFault as fault:
            return format_html("It cannot be rendered, so Cueline's own is sent. {}", str(fault))
        shown = frame(view_url(workspace, "confirmation-preview")) if mail.html else ""
        return format_html(
            '<p class="cueline-subject">{}</p>{}<pre class="cueline-text">{}</pre>',
            mail.subject,
            shown,
            mail.text,
        )


def _preview(_request: HttpRequest, workspace: Workspace) -> HttpResponse:
    try:
        return sandboxed(confirmation_trial.sample(workspace=workspace).html)
    except TemplateFault:
        return sandboxed("")
