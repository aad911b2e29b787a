"""What some rows come to before anything of it is written; nobody is in a plan twice."""

from dataclasses import dataclass, field
from enum import Enum
from uuid import UUID

from subscribers.models import ConsentRecord, Subscriber, Suppression


class Taken(Enum):
    """What a row came to."""

    CREATED = "created"
    CHANGED = "changed"
    DUPLICATE = "duplicate"
    # The person is in the plan already.
    LATER = "later"


@dataclass(kw_only=True)
class Plan:
    """What is to be written, each person once."""

    created: list[Subscriber] = field(default_factory=list)
    # Known ones, as they are to be.
    changed: list[Subscriber] = field(default_factory=list)
    tags: list[tuple[Subscriber, str]] = field(default_factory=list)
    lists: list[tuple[Subscriber, UUID]] = field(default_factory=list)
    # New people whose question waits, and those who were kept from mail before they answered.
    open_questions: list[Subscriber] = field(default_factory=list)
    closed_questions: list[Subscriber] = field(default_factory=list)
    asked: list[Subscriber] = field(default_factory=list)
    put_down: list[tuple[Subscriber, Suppression.Reason]] = field(default_factory=list)
    # Known people who are suppressed, who left.
    suppressed: list[Subscriber] = field(default_factory=list)
    leaving: list[Subscriber] = field(default_factory=list)
    lines: list[ConsentRecord] = field(default_factory=list)
    touched: set[UUID] = field(default_factory=set)
