"""What a workspace's form checks of the confirmation mail and of what follows it."""

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
MUST_HOLD = f"Must hold {{{{{confirmation_mail.URL_TAG}}}}}, the link to confirm by."


class ConfirmationForm(RowForm):
    """The fields about confirming; a part of the workspace's form."""

    class Meta:
        labels: ClassVar = {
            "confirmation_subject": "Subject",
            "confirmation_html": "HTML",
            "confirmation_text": "Plain text",
            "confirmation_needs_button": "Needs the button",
            "confirmation_redirect_url": "Address after confirming",
            "reminder_hours": "Reminder after hours",
            "give_up_days": "Give up after days",
            "color": "Colour",
        }
        help_texts: ClassVar = {
            "confirmation_subject": "Empty: ours.",
            "confirmation_html": f"{MUST_HOLD} Empty, and so the plain text: ours.",
            "confirmation_text": f"{MUST_HOLD} Empty beside HTML of yours: made from it.",
            "confirmation_redirect_url": "Begins with https://. Empty: a page of ours.",
        }
        widgets: ClassVar = {
            "confirmation_subject": UnfoldAdminTextInputWidget(),
            "confirmation_html": UnfoldAdminTextareaWidget(attrs=CODE),
            "confirmation_text": UnfoldAdminTextareaWidget(attrs=CODE),
        }

    def clean_confirmation_subject(self) -> str:
        """Refuse a subject of several lines, and one that is no template."""
        subject = self._template("confirmation_subject")
        if json_gate.has_control(subject):
            raise forms.ValidationError("The subject is one line without control characters.")
        return subject

    def clean_confirmation_html(self) -> str:
        """Refuse what is no template."""
        return self._template("confirmation_html")

    def clean_confirmation_text(self) -> str:
        """Refuse what is no template."""
        return self._template("confirmation_text")

    def clean_confirmation_redirect_url(self) -> str:
        """Refuse what is not a plain https address."""
        url: str = self.cleaned_data["confirmation_redirect_url"]
        parts = urlsplit(url)
        if url and (parts.scheme != "https" or parts.username is not None):
            raise forms.ValidationError("Give an address that begins with https://.")
        return url

    def clean_reminder_hours(self) -> int:
        """Refuse a reminder that nobody would understand any more."""
        return self.number("reminder_hours", 0, MOST_HOURS)

    def clean_give_up_days(self) -> int:
        """Refuse a time that nobody waits for."""
        return self.number("give_up_days", 0, MOST_DAYS)

    def clean(self) -> dict[str, Any]:
        """Refuse a mail that cannot be made, and a reminder that would never be sent."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        hours, days = cleaned.get("reminder_hours"), cleaned.get("give_up_days")
        if hours and days and hours >= days * 24:
            text = f"Nobody is reminded after {hours} hours when all is given up after {days} days."
            self.add_error("reminder_hours", text)
        if all(field in cleaned for field in TEMPLATES):
            self._check_mail({field: cleaned[field] for field in TEMPLATES})
        return cleaned

    def number(self, field: str, least: int, most: int) -> int:
        """Return a field's number, or refuse it with its limits."""
        number: int = self.cleaned_data[field]
        if not least <= number <= most:
            raise forms.ValidationError(f"Give a number from {least} to {most}.")
        return number

    def _check_mail(self, templates: dict[str, str]) -> None:
        """Make the mail for somebody of whom no more than an address is known."""
        try:
            trial.sample(workspace=Workspace(name="Sample", **templates))
        except confirmation_mail.LinkMissing:
            for field in self._without_link(templates):
                self.add_error(field, MUST_HOLD)
        except mail.TemplateFault as fault:
            self.add_error(None, f"The confirmation mail cannot be made. {fault}")

    @staticmethod
    def _without_link(templates: dict[str, str]) -> list[str]:
        """Return the bodies that do not name the link; all where they do, and it gets lost."""
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
