"""The step `exit`: ends the enrollment."""

from typing import ClassVar

from events.language.steps.kinds.base import BaseStep


class ExitStep(BaseStep, frozen=True):
    kind: ClassVar = "exit"
    is_harmless = True
    has_next = False
