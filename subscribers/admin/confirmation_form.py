"""The checks of the confirmation mail and of its settings, in a workspace's form."""

from typing import Any, ClassVar
from urllib.parse import urlsplit

from django import forms
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from config.admin_base import RowForm
from subscribers.models import Workspace
from subscribers.services.consent import mail as confirmation_mail
from subscribers.services.consent import trial
from subscribers.templating import mail
from subscribers.wire import json_gate

MOST_HOURS = 720  # 30 days.
MOST_DAYS = 3650
BODIES = ("confirmation_html", "confirmation_text")
TEMPLATES = ("confirmation_subject", *BODIES)
CODE = {"rows": 12, "class": "cueline-code", "spellcheck": "false"}
LINK_NEEDED = f"Must contain {{{{{confirmation_mail.URL_TAG}}}}}, the confirmation link."


class ConfirmationForm(RowForm):
    class Meta:
        labels: ClassVar = {
            "confirmation_subject": "Subject",
            "confirmation_html": "HTML",
            "confirmation_text": "Plain text",
            "confirmation_needs_button": "Needs the button",
            "confirmation_redirect_url": "Address after confirming",
            "reminder_hours": "Reminder after hours",
            "give_up_days": "Give up after days",
            "timezone": "Time zone",
            "double_opt_in": "Double opt-in",
        }
        help_texts: ClassVar = {
            "confirmation_subject": "Empty: Cueline's own.",
            "confirmation_html": f"{LINK_NEEDED} If both bodies are empty: Cueline's own.",
            "confirmation_text": f"{LINK_NEEDED} Empty beside your HTML: made from it.",
            "confirmation_redirect_url": "Begins with https://. Empty: Cueline's own page.",
        }
        widgets: ClassVar = {
            "confirmation_subject": UnfoldAdminTextInputWidget(),
            "confirmation_html": UnfoldAdminTextareaWidget(attrs=CODE),
            "confirmation_text": UnfoldAdminTextareaWidget(attrs=CODE),
        }

    def clean_confirmation_subject(self) -> str:
        subject = self._template("confirmation_subject")
        if json_gate.has_control(subject):
            raise forms.ValidationError("The subject is one line without control characters.")
        return subject

    def clean_confirmation_html(self) -> str:
        return self._template("confirmation_html")

    def clean_confirmation_text(self) -> str:
        return self._template("confirmation_text")

    def clean_confirmation_redirect_url(self) -> str:
        url: str = self.cleaned_data["confirmation_redirect_url"]
        parts = urlsplit(url)
        if url and (parts.scheme != "https" or parts.username is not None):
            raise forms.ValidationError("Give an address that begins with https://.")
        return url

    def clean_reminder_hours(self) -> int:
        return self.number("reminder_hours", 0, MOST_HOURS)

    def clean_give_up_days(self) -> int:
        return self.number("give_up_days", 0, MOST_DAYS)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        hours, days = cleaned.get("reminder_hours"), cleaned.get("give_up_days")
        if hours and days and hours >= days * 24:
            text = f"{hours} hours are too late: waiting enrollments expire after {days} days."
            self.add_error("reminder_hours", text)
        if all(field in cleaned for field in TEMPLATES):
            self._check_mail({field: cleaned[field] for field in TEMPLATES})
        return cleaned

    def number(self, field: str, least: int, most: int) -> int:
        number: int = self.cleaned_data[field]
        if not least <= number <= most:
            raise forms.ValidationError(f"Give a number from {least} to {most}.")
        return number

    def _check_mail(self, templates: dict[str, str]) -> None:
        """Render the mail for a person without a name."""
        try:
            trial.sample(workspace=Workspace(name="Sample", **templates))
        except confirmation_mail.LinkMissing:
            for field in self._without_link(templates):
                self.add_error(field, LINK_NEEDED)
        except mail.TemplateFault as fault:
            self.add_error(None, f"The confirmation mail cannot be made. {fault}")

    @staticmethod
    def _without_link(templates: dict[str, str]) -> list[str]:
        """Return the bodies without the link's tag; all of them where it is there and gets lost."""
        given = [field for field in BODIES if templates[field]]
        tag = confirmation_mail.URL_TAG
        return [field for field in given if tag not in mail.check(templates[field]).paths] or given

    def _template(self, field: str) -> str:
        # Browsers send line breaks as CR LF.
        template: str = self.cleaned_data[field].replace("\r\n", "\n")
        try:
            mail.check(template)
        except mail.TemplateFault as fault:
            raise forms.ValidationError(str(fault)) from fault
        return template
