"""A sequence as a value: what starts it, what ends its enrollments, and what it does."""

from typing import Literal

import msgspec

from events.language.entry import StopCondition, Trigger
from events.language.steps import Step
from events.language.timing import SendingWindow

Mode = Literal["unlimited", "one_time", "matching_field"]


class SequenceSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A whole sequence."""

    name: str
    key: str
    description: str = ""
    labels: tuple[str, ...] = ()
    trigger: Trigger
    enrollment_mode: Mode = "unlimited"
    enrollment_field_path: str = ""
    stop_condition: StopCondition | None = None
    sending_window: SendingWindow | None = None
    active_subscribers_only: bool = False
    from_email: str = ""
    from_name: str = ""
    reply_to: str = ""
    steps: tuple[Step, ...] = ()
