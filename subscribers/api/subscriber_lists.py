"""`GET /subscribers`: chosen by the query, newest first, in pages that writes do not disturb."""

import re
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import datetime
from typing import Annotated, NamedTuple
from uuid import UUID

from django.db.models import Exists, OuterRef, Q

from events.language import segments as language
from events.services.counts import current
from events.services.segments import compiling, members, segments
from events.services.segments.limits import TookTooLong, time_limit
from subscribers import ids
from subscribers.api import cursors
from subscribers.api.calls import Shape
from subscribers.api.cursors import RowCursor
from subscribers.api.inputs import Inputs, inputs
from subscribers.api.subscriber_shapes import SubscriberShape, shapes_of
from subscribers.api.values import (
    Count,
    FlagWord,
    TextWord,
    TimeWord,
    one_of,
    text_word,
    whole_number_word,
)
from subscribers.models import Subscriber, SubscriberTag, Tag, Workspace
from subscribers.models.subscriber import SubscriberQuerySet
from subscribers.services.audience import lists
from subscribers.wire import tag_names
from subscribers.wire.payloads import Fault, InvalidRequest

MOST = 1000
# Pages by number count what they skip.
DEEPEST = 10_000
ALL = "all"
ORDER = "id"
OPERATORS = ("is", "contains", "gt", "gte", "lt", "lte", "is_not_empty")

Limit = Annotated[int, whole_number_word(1, MOST)]
Page = Annotated[int, whole_number_word(1, DEEPEST)]
StatusWord = Annotated[str, one_of(*Subscriber.Status.values, ALL)]
OperatorWord = Annotated[str, one_of(*OPERATORS)]


@inputs
class SubscribersQuery(Inputs):
    status: StatusWord = ALL
    # Names with commas between them: who has all of them.
    tags: TextWord | None = None
    list: TextWord | None = None
    list_id: TextWord | None = None
    list_name: TextWord | None = None
    segment_id: TextWord | None = None
    query: TextWord | None = None
    email: TextWord | None = None
    attribute: Annotated[str, text_word(600)] | None = None
    attribute_operator: OperatorWord = "is"
    unsubscribed_after: TimeWord | None = None
    unsubscribed_before: TimeWord | None = None
    limit: Limit = 50
    page: Page | None = None
    cursor: RowCursor | None = None
    include_total: FlagWord = True

    def find_faults(self) -> Iterator[Fault]:
        if self.page is not None and self.cursor is not None:
            yield Fault("page", "cannot be together with cursor.")
        if (self.page or 1) * self.limit > DEEPEST:
            yield Fault("page", f"goes beyond the first {DEEPEST:,}: go on with nextCursor.")

    @property
    def narrows(self) -> bool:
        """Tell whether it leaves anybody out."""
        return self != SubscribersQuery(
            limit=self.limit,
            page=self.page,
            cursor=self.cursor,
            include_total=self.include_total,
        )


class Pagination(Shape, kw_only=True):
    """`total` is exact to 10,000; beyond it is what was counted last, or null."""

    has_more: bool
    limit: int
    next_cursor: str | None
    order_by: str = ORDER
    page: int | None
    total: Count | None
    total_pages: Count | None


class Found(NamedTuple):
    people: list[SubscriberShape]
    pagination: Pagination


def find(*, workspace: Workspace, asked: SubscribersQuery, now: datetime) -> Found:
    """Return a page; raises `InvalidRequest`, also for what takes too long to find."""
    rows = _chosen(workspace, asked, now)
    first = ((asked.page or 1) - 1) * asked.limit
    newest = rows.order_by("-id")
    if asked.cursor is not None:
        newest = newest.filter(pk__lt=asked.cursor)
    try:
        # Without conditions the page is read from its place in an index.
        with time_limit() if asked.narrows else nullcontext():
            found = list(newest.values_list("pk", flat=True)[first : first + asked.limit + 1])
    except TookTooLong as error:
        raise InvalidRequest(Fault("", "The search took too long: narrow it.")) from error
    shown = found[: asked.limit]
    people = {each.id: each for each in shapes_of(Subscriber.objects.filter(pk__in=shown))}
    has_more = len(found) > asked.limit
    total = _total(rows, workspace, asked)
    if total is not None and not has_more and (shown or not first):
        # The last page says how many there are.
        total = first + len(shown)
    return Found(
        people=[people[key] for each in shown if (key := f"sub_{each.hex}") in people],
        pagination=Pagination(
            has_more=has_more,
            limit=asked.limit,
            next_cursor=cursors.of_row(shown[-1]) if has_more else None,
            page=None if asked.cursor else asked.page or 1,
            total=total,
            total_pages=None if total is None else -(-total // asked.limit),
        ),
    )


def _total(rows: SubscriberQuerySet, workspace: Workspace, asked: SubscribersQuery) -> int | None:
    if asked.cursor is not None or not asked.include_total:
        return None
    latest = _counted_last(workspace, asked)
    if latest > members.MOST_COUNTED:
        return latest
    number = members.count(rows).number
    return None if number is None or number > members.MOST_COUNTED else number


def _counted_last(workspace: Workspace, asked: SubscribersQuery) -> int:
    """Return the worker's latest number of those who are asked for: of everybody, of a status, one
    tag, or one list with or without a status. 0 for any other question.
    """
    narrowed = {
        each.name for each in SubscribersQuery.fields if getattr(asked, each.name) != each.default
    }
    row_id: UUID | None
    match sorted(narrowed - {"status", "limit", "page"}):
        case []:
            subject, row_id = current.Subject.PEOPLE, workspace.pk
        # Of a tag there are no parts by status.
        case ["tags"] if asked.status == ALL and asked.tags and "," not in asked.tags:
            tags = Tag.objects.filter(workspace=workspace, name=tag_names.normalise(asked.tags))
            subject, row_id = current.Subject.TAG, tags.values_list("pk", flat=True).first()
        case ["list" | "list_id" | "list_name" as parameter]:
            named = getattr(asked, parameter)
            by_name = lists.ids_by_name(workspace_id=workspace.pk)
            by_id = {ids.encode("lst", list_id): list_id for list_id in by_name.values()}
            subject, row_id = current.Subject.LIST, by_id.get(named) or by_name.get(named)
        case _:
            return 0
    if row_id is None:
        return 0
    counted = current.of(subject=subject, ids=[row_id]).get(row_id, current.NOT_COUNTED)
    return counted.count if asked.status == ALL else counted.parts.get(asked.status, 0)


def _chosen(workspace: Workspace, asked: SubscribersQuery, now: datetime) -> SubscriberQuerySet:
    rows = Subscriber.objects.in_workspace(workspace)
    wanted = [*_filters(asked)]
    if wanted:
        root = _root(workspace, wanted)
        try:
            rows = rows.filter(compiling.condition(workspace_id=workspace.pk, root=root, now=now))
        except compiling.TooManyReferences as error:
            raise InvalidRequest(Fault("segmentId", f"cannot be asked. {error}")) from error
    if asked.query is not None:
        rows = rows.filter(_text_condition(asked.query, workspace))
    if asked.unsubscribed_after is not None:
        rows = rows.filter(unsubscribed_at__gte=asked.unsubscribed_after)
    if asked.unsubscribed_before is not None:
        rows = rows.filter(unsubscribed_at__lt=asked.unsubscribed_before)
    return rows


class _Filter(NamedTuple):
    """A filter of the language of segments, and the parameter that says it."""

    parameter: str
    field: str
    operator: str
    value: str


def _filters(asked: SubscribersQuery) -> Iterator[_Filter]:
    if asked.status != ALL:
        yield _Filter("status", "status", "is", asked.status)
    for name in (asked.tags or "").split(","):
        if name.strip():
            yield _Filter("tags", "tag", "contains", name)
    for parameter, value in (
        ("list", asked.list),
        ("listId", asked.list_id),
        ("listName", asked.list_name),
    ):
        if value is not None:
            yield _Filter(parameter, "list", "is", value)
    if asked.segment_id is not None:
        yield _Filter("segmentId", "segment", "is", asked.segment_id)
    if asked.email is not None:
        yield _Filter("email", "email", "contains", asked.email)
    if asked.attribute is not None:
        yield _Filter("attribute", "attribute", asked.attribute_operator, asked.attribute)


def _root(workspace: Workspace, wanted: list[_Filter]) -> language.Group:
    children = [
        {
            "id": str(place),
            "kind": "filter",
            "field": each.field,
            "operator": each.operator,
            "value": each.value,
        }
        for place, each in enumerate(wanted)
    ]
    raw = {"id": "root", "kind": "group", "joinOperator": "and", "children": children}
    try:
        return segments.resolved(workspace=workspace, root=language.parse_root(raw))
    except InvalidRequest as error:
        raise InvalidRequest(*(_renamed(fault, wanted) for fault in error.faults)) from error


def _renamed(fault: Fault, wanted: list[_Filter]) -> Fault:
    """Return a fault of the language under the parameter that it comes from."""
    place = re.match(r"root\.children\[(\d+)\]", fault.path)
    return Fault(wanted[int(place[1])].parameter, fault.message) if place else fault


def _text_condition(text: str, workspace: Workspace) -> Q:
    found = Q(email__icontains=text) | Q(first_name__icontains=text) | Q(last_name__icontains=text)
    try:
        name = tag_names.normalise(text)
    except tag_names.InvalidTagName:
        return found
    named = SubscriberTag.objects.filter(
        subscriber=OuterRef("pk"), tag__workspace=workspace, tag__name=name
    )
    return found | Q(Exists(named))
