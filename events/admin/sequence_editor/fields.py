"""The form fields of the sequence editor; the wire's parser judges their values.

So every field is optional here. The skin does not escape help texts: pass only our own.
"""

from collections.abc import Mapping
from typing import Any

from django import forms
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from events.language.timing.windows import DAYS

WEEK: Mapping[str, str] = {day: day.title() for day in DAYS}
START_HELP = "Such as 09:00; empty: midnight."
END_HELP = "Such as 17:00; empty: midnight."
ZONE_HELP = (
    "Such as Europe/Berlin; <code>workspace</code> for the workspace's; empty: the person's, "
    "else the workspace's."
)


class FieldFault(ValueError):
    """A field's value has no wire form that the parser could judge."""

    def __init__(self, field: str, message: str) -> None:
        self.field = field
        super().__init__(message)


class LinesWidget(UnfoldAdminTextareaWidget):  # type: ignore[misc]  # the skin ships no types
    """Looks as the skin's; the skin's own template loses a blank first line."""

    template_name = "django/forms/widgets/textarea.html"


class LinesField(forms.CharField):
    """Keeps a text as it is typed; browsers end its lines with two characters."""

    def to_python(self, value: Any) -> str:  # noqa: ANN401 - as Django has it
        return (super().to_python(value) or "").replace("\r\n", "\n")


def text(label: str, help_text: str = "", **attrs: Any) -> forms.CharField:
    widget = UnfoldAdminTextInputWidget(attrs=attrs)
    return forms.CharField(required=False, label=label, help_text=help_text, widget=widget)


def lines(label: str, help_text: str = "", *, rows: int = 3) -> LinesField:
    widget = LinesWidget(attrs={"rows": rows, "class": "cueline-code"})
    return LinesField(required=False, label=label, help_text=help_text, widget=widget, strip=False)


def choice(label: str, choices: Mapping[str, str], help_text: str = "") -> forms.ChoiceField:
    """Return a list to choose from; the first is the default."""
    return forms.ChoiceField(
        required=False,
        label=label,
        choices=[*choices.items()],
        help_text=help_text,
        widget=UnfoldAdminSelectWidget,
    )


def several(label: str, choices: Mapping[str, str]) -> forms.MultipleChoiceField:
    return forms.MultipleChoiceField(
        required=False,
        label=label,
        choices=[*choices.items()],
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )


def box(label: str, help_text: str = "") -> forms.BooleanField:
    return forms.BooleanField(
        required=False, label=label, help_text=help_text, widget=UnfoldBooleanWidget
    )
