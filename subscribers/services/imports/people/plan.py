"""The plan of a batch, before anything is written."""

from dataclasses import dataclass, field
from enum import Enum
from uuid import UUID

from subscribers.models import ConsentRecord, Subscriber, Suppression


class Taken(Enum):
    CREATED = "created"
    CHANGED = "changed"
    DUPLICATE = "duplicate"
    # Known, and unsubscribed or suppressed by this row.
    LEFT = "left"
    # The person is in the plan already.
    LATER = "later"


@dataclass(kw_only=True)
class BatchPlan:
    """What to write; each subscriber once."""

    created: list[Subscriber] = field(default_factory=list)
    # Known subscribers, with their new values.
    changed: list[Subscriber] = field(default_factory=list)
    # The names of their attributes that changed.
    attribute_names: set[str] = field(default_factory=set)
    tags: list[tuple[Subscriber, str]] = field(default_factory=list)
    lists: list[tuple[Subscriber, UUID]] = field(default_factory=list)
    # New subscribers with a confirmation: open, or closed because of a bounce or complaint.
    open_questions: list[Subscriber] = field(default_factory=list)
    closed_questions: list[Subscriber] = field(default_factory=list)
    asked: list[Subscriber] = field(default_factory=list)
    to_suppress: list[tuple[Subscriber, Suppression.Reason]] = field(default_factory=list)
    # Known subscribers who bounced or complained, and who unsubscribed.
    suppressed: list[Subscriber] = field(default_factory=list)
    leaving: list[Subscriber] = field(default_factory=list)
    lines: list[ConsentRecord] = field(default_factory=list)
    touched: set[UUID] = field(default_factory=set)
