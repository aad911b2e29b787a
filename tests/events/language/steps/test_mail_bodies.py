"""The body of an email step: HTML or Markdown, on the wire and back."""

from typing import Any

import pytest

from events.language.steps import parse_steps
from subscribers.templating import markdown
from subscribers.wire.payloads import InvalidRequest

MAIL: dict[str, Any] = {"type": "email", "id": "hello", "subject": "Hi"}


def test_markdown_is_kept_as_it_was_written() -> None:
    given = {**MAIL, "bodyFormat": "markdown", "body": "# Hi\n", "useLayout": False}

    [step] = parse_steps([given])

    assert step.as_wire() == given
    assert [step] == list(parse_steps([step.as_wire()]))


def test_html_may_be_called_either_name_and_is_the_default() -> None:
    for name in ("html", "body"):
        [step] = parse_steps([{**MAIL, name: "<p>Hi</p>", "bodyFormat": "html", "useLayout": True}])

        assert step.as_wire() == {**MAIL, "html": "<p>Hi</p>"}


@pytest.mark.parametrize(
    ("parts", "path", "words"),
    [
        ({"bodyFormat": "text"}, "bodyFormat", "must be html or markdown"),
        ({"body": "x\n{{password}}"}, "body", "Line 2: 'password' is not known"),
        ({"body": "{% if %}"}, "body", "Line 1"),
        # Markdown drops a link that nothing refers to, and half of a block with it.
        ({"body": "[a]: {%if event.a%}x\n\n{% endif %}"}, "body", "closes no 'if'"),
        ({"body": "x" * (markdown.MOST_BYTES + 1)}, "body", "at most 32,768"),
        ({"body": "[" * 20_000}, "body", "has 20,000 “[”; Markdown may have at most 500."),
        ({"useLayout": "no"}, "useLayout", "must be"),
    ],
)
def test_a_wrong_body_is_refused_at_its_field(parts: dict[str, Any], path: str, words: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_steps([{**MAIL, "bodyFormat": "markdown", "body": "x", **parts}])

    [fault] = caught.value.faults
    assert fault.path == f"steps[0].{path}"
    assert words in fault.message
