"""Who belongs to a segment: counted, shown in part, or walked through from end to end."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from events.language.segments import Group
from events.services.segments import compiling
from events.services.segments.limits import TookTooLong, time_limit
from subscribers.models import Subscriber

MOST_COUNTED = 10_000
SAMPLE = 50
# People in one statement of a walk: it is short however few of them match.
WINDOW = 5000


@dataclass(frozen=True, slots=True)
class Count:
    """How many, exact up to 10,000; None: counting took too long and was stopped."""

    number: int | None

    def __str__(self) -> str:
        if self.number is None:
            return "not counted: it takes too long"
        if self.number > MOST_COUNTED:
            return f"more than {MOST_COUNTED:,}"
        return f"{self.number:,}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    matching: Count
    active: Count
    # The newest of them; None where looking for them took too long.
    sample: list[Subscriber] | None


@dataclass(frozen=True, slots=True)
class Window:
    """The members among the people up to one, in the order of ids."""

    ids: list[UUID]
    last: UUID


def preview(*, workspace_id: UUID, root: Group, now: datetime) -> Preview:
    """Count the members and return some; three limited queries and those of `compiling`.

    Raises `TooManyReferences`.
    """
    rows = compiling.people(workspace_id=workspace_id, root=root, now=now)
    sample = None
    try:
        with time_limit():
            sample = list(rows.defer("attributes").order_by("-pk")[:SAMPLE])
    except TookTooLong:
        pass
    return Preview(
        matching=count(rows),
        active=count(rows.filter(status=Subscriber.Status.ACTIVE)),
        sample=sample,
    )


def count(rows: QuerySet[Subscriber]) -> Count:
    try:
        with time_limit():
            return Count(rows.order_by().values("pk")[: MOST_COUNTED + 1].count())
    except TookTooLong:
        return Count(None)


def windows(
    *,
    workspace_id: UUID,
    root: Group,
    now: datetime,
    after: UUID | None = None,
    up_to: UUID | None = None,
    size: int = WINDOW,
) -> Iterator[Window]:
    """Yield all members by id, window by window: two short queries each, no locks.

    Nobody comes twice; each window is asked when it is reached. Begins after one id, ends with
    another. Raises `TooManyReferences`.
    """
    everybody = Subscriber.objects.filter(workspace=workspace_id)
    if up_to:
        everybody = everybody.filter(pk__lte=up_to)
    matches = compiling.condition(workspace_id=workspace_id, root=root, now=now)
    while True:
        rest = everybody.filter(pk__gt=after) if after else everybody
        places = list(rest.order_by("pk").values_list("pk", flat=True)[:size])
        if not places:
            return
        ends = rest.filter(matches, pk__lte=places[-1]).order_by("pk")
        yield Window(ids=list(ends.values_list("pk", flat=True)), last=places[-1])
        after = places[-1]
