"""Steps in words: merge tags are shown as people read them."""

import pytest

from events.wording.steps import with_kind_tags


@pytest.mark.parametrize(
    ("subject", "shown"),
    [
        ("Welcome, {{subscriber.firstName|friend}}!", "Welcome, [first name]!"),
        ("{{ subscriber.attributes.home_city }}", "[home city]"),
        ("{{event.order.id | upcase}} {{workspace.name}}", "[order id] [workspace name]"),
        ("{% if event.plan == 'pro' %}Pro{% endif %} {{-event.plan-}}", "Pro [plan]"),
        ("No tag {{ here", "No tag {{ here"),
        ("{{}} { {{ 1 | plus: 2 }}", "{{}} { [1]"),
    ],
)  # fmt: skip
def test_merge_tags_are_shown_kindly(subject: str, shown: str) -> None:
    assert with_kind_tags(subject) == shown
