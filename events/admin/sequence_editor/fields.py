"""The form fields of the sequence editor; the wire's parser judges their values.

So every field is optional here. The skin does not escape help texts: pass only our own.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from django import forms
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from config.quick_select import QuickSelect
from events.admin.sequence_editor.lines import UnreadableLine, names_from
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


class Notation(NamedTuple):
    """How people type a wire value; `read` raises `UnreadableLine`."""

    read: Callable[[str], Any]
    write: Callable[[Any], str]


NAMES = Notation(names_from, ", ".join)
ONE_A_LINE = Notation(partial(names_from, separator="\n"), "\n".join)


class TypedField(forms.CharField):
    """A text; with a notation, its wire value is another."""

    notation: Notation | None = None


class LinesField(TypedField):
    """Keeps a text as it is typed; browsers end its lines with two characters."""

    def to_python(self, value: Any) -> str:  # noqa: ANN401 - as Django has it
        return (super().to_python(value) or "").replace("\r\n", "\n")


def text(
    label: str, help_text: str = "", *, notation: Notation | None = None, **attrs: Any
) -> TypedField:
    widget = UnfoldAdminTextInputWidget(attrs=attrs)
    field = TypedField(required=False, label=label, help_text=help_text, widget=widget)
    field.notation = notation
    return field


def lines(
    label: str, help_text: str = "", *, rows: int = 3, notation: Notation | None = None
) -> LinesField:
    widget = LinesWidget(attrs={"rows": rows, "class": "cueline-code"})
    field = LinesField(required=False, label=label, help_text=help_text, widget=widget, strip=False)
    field.notation = notation
    return field


def read(name: str, field: forms.Field, given: Any) -> Any:  # noqa: ANN401 - JSON
    """Return the wire value of what was typed; raises `FieldFault`."""
    if not isinstance(field, TypedField) or field.notation is None:
        return given
    try:
        return field.notation.read(given)
    except UnreadableLine as error:
        raise FieldFault(name, str(error)) from error


def written(field: forms.Field, value: Any) -> Any:  # noqa: ANN401 - JSON
    """Return a wire value as people type it."""
    if not isinstance(field, TypedField) or field.notation is None:
        return value
    return field.notation.write(value)


def wire_name(field: str) -> str:
    """Return a field's name as the wire has it: `event_name` is `eventName`."""
    first, *others = field.split("_")
    return "".join((first, *map(str.title, others)))


def choice(label: str, choices: Mapping[str, str], help_text: str = "") -> forms.ChoiceField:
    """Return a list to choose from; the first is the default."""
    return forms.ChoiceField(
        required=False,
        label=label,
        choices=[*choices.items()],
        help_text=help_text,
        widget=QuickSelect,
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
