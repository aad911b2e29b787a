"""Steps in words: merge tags are shown as people read them."""

import pytest

from events.language import steps
from events.language.steps.kinds.split import Branch
from events.wording.steps import in_words, with_kind_tags


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


def test_branches_without_a_name_are_letters() -> None:
    branches = (Branch(id="branch-0", weight=1, next="b"), Branch(id="offer", weight=3, next="c"))

    words = in_words(steps.SplitStep(id="a", branches=branches))

    assert words == "Split: 25% A (go to b), 75% offer (go to c)"
