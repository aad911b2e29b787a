"""A sequence as values: what starts it, what ends its enrollments, and what it does.

Triggers and stop conditions are stored as JSON by `msgspec.to_builtins`, without what is default.
"""

from typing import Literal

import msgspec

from events.language.filters import Filter
from events.language.steps import Step
from events.language.timing import SendingWindow

TriggerType = Literal["event_received", "tag_added", "contact_added", "manual"]
Mode = Literal["unlimited", "one_time", "matching_field"]
Scope = Literal["any_list", "any_contact"]


class Trigger(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What lets people in: an event, one of the tags, one of the lists, or somebody's hand.

    Without lists, joining any list does, and for the scope `any_contact` being created as well.
    Lists are ids on the wire (`lst_…`) or exact names; tags are normal names.
    """

    type: TriggerType
    event_name: str = ""
    filters: tuple[Filter, ...] = ()
    tag_names: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    scope: Scope = "any_list"


class StopCondition(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What ends an enrollment under way.

    `field_path`: only the enrollment whose entry key the event bears there.

    `value` is an event's name, or a tag's in its normal form.
    """

    type: Literal["event_received", "tag_added"]
    value: str
    filters: tuple[Filter, ...] = ()
    field_path: str = ""


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
