"""The kinds of steps: a module each, and the registry that parsing and storage use.

A kind's module has its struct, how it is read and written, and what it names; no sentence and no
form. Code that acts by the kind is a `match` over `Step` that ends in `assert_never`: mypy then
names each place where a new kind is missing.
"""

from collections.abc import Mapping

from events.language.steps.kinds.condition import ConditionStep
from events.language.steps.kinds.delay import DelayStep
from events.language.steps.kinds.email import EmailStep
from events.language.steps.kinds.exit import ExitStep
from events.language.steps.kinds.split import Branch, SplitStep
from events.language.steps.kinds.update_list import UpdateListStep
from events.language.steps.kinds.update_subscriber import UpdateSubscriberStep
from events.language.steps.kinds.update_tags import UpdateTagsStep
from events.language.steps.kinds.wait_for_event import WaitForEventStep
from events.language.steps.kinds.webhook import WebhookStep

__all__ = [
    "KINDS", "Branch", "CallingStep", "ChangingStep", "ConditionStep", "DelayStep", "EmailStep",
    "ExitStep", "SplitStep", "Step", "UpdateListStep", "UpdateSubscriberStep", "UpdateTagsStep",
    "WaitForEventStep", "WebhookStep",
]  # fmt: skip

ChangingStep = UpdateTagsStep | UpdateListStep | UpdateSubscriberStep
CallingStep = EmailStep | WebhookStep
Step = (
    DelayStep | WaitForEventStep | ConditionStep | SplitStep | ExitStep | ChangingStep | CallingStep
)

KINDS: Mapping[str, type[Step]] = {
    kind.kind: kind
    for kind in (
        EmailStep, DelayStep, WaitForEventStep, ConditionStep, SplitStep, UpdateTagsStep,
        UpdateListStep, UpdateSubscriberStep, WebhookStep, ExitStep,
    )
}  # fmt: skip
