"""The steps of a sequence: each kind, its wire form, and its stored form.

Knows the language's other words (`timing`, `filters`) and no service. To add a step kind, add a
module in `kinds` and a line in its registry.
"""

from events.language.steps import kinds
from events.language.steps.kinds import *  # noqa: F403 - whatever kinds there are
from events.language.steps.kinds.base import EXIT
from events.language.steps.parsing import MOST_STEPS, from_stored, parse_steps
from events.language.steps.rules import (
    AttributeRule,
    EventPropertyRule,
    EventRule,
    ListRule,
    Rule,
    TagRule,
)

__all__ = [
    "EXIT", "MOST_STEPS", "AttributeRule", "EventPropertyRule", "EventRule", "ListRule", "Rule",
    "TagRule", "from_stored", "parse_steps",
]  # fmt: skip
__all__ += kinds.__all__
