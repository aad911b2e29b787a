"""The form of an email step, to the wire and back."""

from typing import Any

import pytest
from django.utils.datastructures import MultiValueDict

from events.admin.sequence_editor.step_rows import StepRows
from events.language.steps import parse_steps
from subscribers.wire.payloads import Fault

MAIL = {"type": "email", "id": "hello", "subject": "Hi"}


@pytest.mark.parametrize(
    "step",
    [
        {**MAIL, "html": "<p>Hi</p>\n"},
        {**MAIL, "bodyFormat": "markdown", "body": "Hi **you**\n", "useLayout": False},
        {**MAIL, "bodyFormat": "markdown", "text": "Hi"},
    ],
)
def test_a_mail_that_is_shown_and_sent_back_says_the_same(step: dict[str, Any]) -> None:
    [form] = StepRows.of_wire([step]).forms
    typed = MultiValueDict({field.html_name: [field.value() or ""] for field in form})
    typed |= {"steps-count": ["1"], "steps-0-kind": ["email"]}

    [read] = parse_steps(StepRows.of_post(typed).to_wire())

    assert read.as_wire() == step


@pytest.mark.parametrize("name", ["html", "body"])
def test_a_fault_of_the_body_is_shown_at_it(name: str) -> None:
    typed = MultiValueDict({"steps-count": ["1"], "steps-0-kind": ["email"]})
    rows = StepRows.of_post(typed)

    rows.show(Fault(f"steps[0].{name}", "is wrong."))

    assert rows.forms[0].errors["html"] == ["is wrong."]
