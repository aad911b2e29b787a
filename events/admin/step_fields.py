"""A step's fields with the labels and words of its form, to be read and compared."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django import forms

from events.admin.sequence_editor.step_forms import FORMS, form_kind_of
from events.language import steps
from events.language.steps.kinds import webhook
from events.wording.steps import branch_name

HIDDEN = "(hidden)"
# The form names steps by their ids; the page by their numbers.
TARGETS = ("next", "on_false")


@dataclass(frozen=True, slots=True)
class FieldText:
    """A field as people read it; `text` is "" where it has no value."""

    name: str
    label: str
    text: str
    # Whether the step does not mention it.
    is_default: bool = False
    # Whether the reader sees only that there is one.
    is_secret: bool = False

    @property
    def shown(self) -> str:
        """The text, or what the reader may see of it."""
        if not self.is_secret or self.is_default:
            return self.text
        match self.name:
            case "headers":
                return with_hidden_values(self.text)
            case "url":
                return webhook.masked_url(self.text)
            case _:
                return HIDDEN


def title_of(step: steps.Step) -> str:
    return FORMS[form_kind_of(step.as_wire())].title


def fields_of(
    step: steps.Step, *, number_by_id: Mapping[str, int], may_edit: bool
) -> list[FieldText]:
    """Return the fields of a step in the order of its form; `may_edit`: its reader may."""
    secret = webhook.SECRET if may_edit else webhook.SECRET_TO_READERS
    wire = step.as_wire()
    form = FORMS[form_kind_of(wire)]
    values = form.initial_of(wire)
    found = []
    for name, field in form.base_fields.items():
        if isinstance(field.widget, forms.HiddenInput):
            continue
        if isinstance(step, steps.SplitStep) and name == "branches":
            text = _branches(step, number_by_id)
        elif name in TARGETS:
            text = _target(values.get(name) or ("exit" if name == "on_false" else ""), number_by_id)
        else:
            text = text_of(field, values.get(name))
        is_default = values.get(name) in (None, "", False, [])
        is_secret = isinstance(step, steps.WebhookStep) and name in secret
        found.append(FieldText(name, str(field.label), text, is_default, is_secret))
    return found


def text_of(field: forms.Field, value: Any) -> str:  # noqa: ANN401 - what a form starts with
    """Return a field's value as its form shows it: the words of a choice, yes or no."""
    if isinstance(field, forms.BooleanField):
        return "yes" if value else "no"
    if isinstance(field, forms.MultipleChoiceField):
        words = dict(field.choices)  # type: ignore[arg-type]  # pairs, none nested
        return ", ".join(str(words.get(each, each)) for each in value or ())
    if isinstance(field, forms.ChoiceField):
        words = dict(field.choices)  # type: ignore[arg-type]
        return str(words.get(value, value or next(iter(words.values()), "")))
    return "" if value is None else str(value)


def with_hidden_values(text: str) -> str:
    """Return headers, one a line, without their values."""
    return "\n".join(f"{line.partition(':')[0]}: {HIDDEN}" for line in text.splitlines())


def _target(target: str, number_by_id: Mapping[str, int]) -> str:
    if not target:
        return "the step after it"
    return f"step {number_by_id[target]}" if target in number_by_id else "end"


def _branches(step: steps.SplitStep, number_by_id: Mapping[str, int]) -> str:
    return "\n".join(
        f"{branch_name(branch.id)}, weight {branch.weight}: {_target(branch.next, number_by_id)}"
        for branch in step.branches
    )
