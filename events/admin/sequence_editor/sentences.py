"""What a step of the editor says in one line, when it is folded."""

from collections.abc import Mapping
from typing import Any

from events.admin.sequence_editor.fields import FieldFault
from events.admin.sequence_editor.step_form import StepForm
from events.admin.sequence_editor.step_forms import wire_kind_of
from events.language import steps
from events.wording.steps import drawn_in_words
from subscribers.wire.payloads import InvalidRequest


def sentence_of(wire: Mapping[str, Any]) -> str:
    step = steps.from_stored(wire)
    return step.label or drawn_in_words(step)


def sentence_typed(copy: StepForm) -> str:
    """Return the sentence of what is typed, or a heading where it has faults.

    Takes a copy of the form: reading it leaves errors in it.
    """
    copy.is_valid()
    try:
        return sentence_of({"type": wire_kind_of(copy.kind), **copy.to_wire()})
    except (FieldFault, InvalidRequest, KeyError):
        return copy.heading
