"""The fields that a sequence's forms are made of; what they hold is judged by the wire's parser.

So every field is optional here. Help is not escaped by the skin: it is ours alone.
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

FILTERS_HELP = (
    "One a line, all must be met: <code>order.total greater_than 100</code>, "
    "<code>plan one_of pro, team</code>, <code>coupon exists</code>. Also equals, not_equals, "
    "contains, less_than, not_exists."
)
WEEK: Mapping[str, str] = {day: day.title() for day in DAYS}
START_HELP = "Such as 09:00; empty: midnight."
END_HELP = "Such as 17:00; empty: midnight."
ZONE_HELP = (
    "Such as Europe/Berlin; <code>workspace</code> for the workspace's; empty: the person's, "
    "else the workspace's."
)


class FieldFault(ValueError):
    """What a field holds cannot even be handed to the wire's parser."""

    def __init__(self, field: str, message: str) -> None:
        self.field = field
        super().__init__(message)


class LinesWidget(UnfoldAdminTextareaWidget):  # type: ignore[misc]  # the skin ships no types
    """Looks as the skin's; its template, unlike this one, loses a blank line at the beginning."""

    template_name = "django/forms/widgets/textarea.html"


class LinesField(forms.CharField):
    """A text of many lines, kept as it is typed, but that browsers end lines in two signs."""

    def to_python(self, value: Any) -> str:  # noqa: ANN401 - as Django has it
        """Return the text with plain ends of lines."""
        return (super().to_python(value) or "").replace("\r\n", "\n")


def text(label: str, help_text: str = "", **attrs: Any) -> forms.CharField:
    """Return a line of text; help is not escaped, so it is ours alone."""
    widget = UnfoldAdminTextInputWidget(attrs=attrs)
    return forms.CharField(required=False, label=label, help_text=help_text, widget=widget)


def lines(label: str, help_text: str = "", *, rows: int = 3) -> LinesField:
    """Return a text of many lines."""
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
    """Return boxes of which any number is ticked."""
    return forms.MultipleChoiceField(
        required=False,
        label=label,
        choices=[*choices.items()],
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )


def box(label: str, help_text: str = "") -> forms.BooleanField:
    """Return a box to tick."""
    return forms.BooleanField(
        required=False, label=label, help_text=help_text, widget=UnfoldBooleanWidget
    )
