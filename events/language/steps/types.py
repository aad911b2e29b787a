"""The steps of a sequence, and the rules of its conditions, as values.

They are stored as JSON, with the kind in `type`; what is default is left out. A step's `id` is
unique in its sequence and kept by editing: 1 to 64 of `[A-Za-z0-9_-]`.
"""

from typing import Any, Literal

import msgspec

from events.language.filters import Filter, Match
from events.language.timing import Delay
from events.language.timing.delays import DAY

# In the place of a later step's id.
EXIT = "exit"
LONGEST_ID = 64
DEFAULT_TIMEOUT = 7 * DAY  # milliseconds, as the contract has it


class TagRule(msgspec.Struct, frozen=True, kw_only=True, tag="tag", omit_defaults=True):
    """Met by those who bear the tag, or by those who do not."""

    tag: str
    is_borne: bool = True


class ListRule(msgspec.Struct, frozen=True, kw_only=True, tag="list", omit_defaults=True):
    """Met by those who are on the list, or by those who are not; by id or exact name."""

    list: str
    is_joined: bool = True


class AttributeRule(msgspec.Struct, frozen=True, kw_only=True, tag="attribute"):
    """Met when the subscriber's attributes meet the filter."""

    filter: Filter


class EventPropertyRule(msgspec.Struct, frozen=True, kw_only=True, tag="event_property"):
    """Met when the properties of the event that started the enrollment meet the filter."""

    filter: Filter


class EventRule(msgspec.Struct, frozen=True, kw_only=True, tag="event", omit_defaults=True):
    """Met when such an event happened since the enrollment began (or ever), or when none did."""

    event_name: str
    filters: tuple[Filter, ...] = ()
    since: Literal["entry", "ever"] = "entry"
    has_happened: bool = True


Rule = TagRule | ListRule | AttributeRule | EventPropertyRule | EventRule


class BaseStep(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type", tag="step"
):
    """What every step has."""

    id: str
    label: str = ""


class EmailStep(BaseStep, frozen=True, tag="email"):
    """Sends a mail; the four texts are templates, and at least one of html and text is there."""

    subject: str
    preview_text: str = ""
    html: str = ""
    text: str = ""
    is_transactional: bool = False


class DelayStep(BaseStep, frozen=True, tag="delay"):
    """Waits for time alone."""

    delay: Delay


class WaitForEventStep(BaseStep, frozen=True, tag="wait_for_event"):
    """Waits until such an event comes, at most for the timeout (1 minute to 365 days)."""

    event_name: str
    filters: tuple[Filter, ...] = ()
    timeout_milliseconds: int = DEFAULT_TIMEOUT
    on_timeout: Literal["continue", "exit"] = "continue"


class ConditionStep(BaseStep, frozen=True, tag="condition"):
    """Goes on when the rules are met; else `exit`, or on with a later step, by its id."""

    rules: tuple[Rule, ...]
    match: Match = "all"
    on_false: str = EXIT


class UpdateTagsStep(BaseStep, frozen=True, tag="update_tags"):
    """Takes tags off and puts tags on, by their normal names."""

    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()


class UpdateListStep(BaseStep, frozen=True, tag="update_list"):
    """Joins and leaves lists, by id or exact name."""

    join: tuple[str, ...] = ()
    leave: tuple[str, ...] = ()


class UpdateSubscriberStep(BaseStep, frozen=True, tag="update_subscriber"):
    """Changes the person: None keeps a field, "" clears a name; an attribute of None goes."""

    first_name: str | None = None
    last_name: str | None = None
    status: Literal["active", "unsubscribed"] | None = None
    attributes: dict[str, Any] = {}


class WebhookStep(BaseStep, frozen=True, tag="webhook"):
    """Calls a URL (https), signed; what to do when that fails for good."""

    url: str
    on_error: Literal["fail", "continue", "exit"] = "fail"


class ExitStep(BaseStep, frozen=True, tag="exit"):
    """Ends the enrollment."""


Step = (
    EmailStep
    | DelayStep
    | WaitForEventStep
    | ConditionStep
    | UpdateTagsStep
    | UpdateListStep
    | UpdateSubscriberStep
    | WebhookStep
    | ExitStep
)
