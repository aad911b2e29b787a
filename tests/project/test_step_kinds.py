"""Each kind of step is known wherever mypy cannot say that it is missing."""

from events.admin.flow_drawing import ICONS
from events.admin.sequence_editor.step_forms import FORMS, wire_kind_of
from events.language import steps
from events.models import Step


def test_the_rows_of_steps_have_the_kinds_of_the_registry() -> None:
    assert set(Step.Kind.values) == set(steps.KINDS)


def test_the_editor_has_a_form_for_each_kind() -> None:
    assert {wire_kind_of(kind) for kind in FORMS} == set(steps.KINDS)


def test_the_drawing_has_an_icon_for_each_kind() -> None:
    assert set(ICONS) == set(steps.KINDS)
