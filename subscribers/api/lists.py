"""`/lists`: created, read, changed and deleted."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Count as CountOf
from django.db.models import Q
from msgspec import UNSET, UnsetType
from msgspec.structs import asdict
from msgspec.structs import replace as replaced

from events.services.counts import current
from events.services.sequences import name_uses
from subscribers import ids
from subscribers.api.calls import (
    Answered,
    ResourceView,
    Shape,
    etag_of,
    id_in_path,
    reads,
    writes,
)  # fmt: skip
from subscribers.api.errors import ApiError
from subscribers.api.inputs import Inputs, inputs
from subscribers.api.values import Count, Flag, ListId, ListName, Prose
from subscribers.models import List, ListMembership, Subscriber
from subscribers.models.api_key import Scope
from subscribers.services.audience import lists

# Up to so many members are counted at each call; beyond, the worker's latest number is answered.
EXACT = 10_000
ListOfPath = Annotated[UUID, id_in_path("lst")]


@inputs
class NewList(Inputs):
    name: ListName
    description: Prose = ""
    is_private: Flag = False
    allow_member_unsubscribe: Flag = True


@inputs
class ListChange(Inputs):
    name: ListName | UnsetType = UNSET
    description: Prose | UnsetType = UNSET
    is_private: Flag | UnsetType = UNSET
    allow_member_unsubscribe: Flag | UnsetType = UNSET


class ListShape(Shape, kw_only=True):
    """`subscriberCount` has members of any status."""

    id: ListId
    name: str
    description: str
    is_private: bool
    allow_member_unsubscribe: bool
    subscriber_count: Count
    active_subscriber_count: Count
    created_at: datetime


class ListedList(ListShape, kw_only=True):
    """`etag`: what `If-Match` takes."""

    etag: str


class ListsAnswer(Answered, kw_only=True):
    lists: list[ListedList]


class ListAnswer(Answered, kw_only=True):
    list: ListShape

    @property
    def edited(self) -> Shape:
        return _edited(self.list)


class DeletedListAnswer(Answered, kw_only=True):
    removed_memberships: Count


class SavesLists(ResourceView):
    def saved(self, changed: List) -> ListAnswer:
        try:
            with transaction.atomic():
                lists.save(changed=changed)
        except IntegrityError as error:
            message = f"The workspace has a list {changed.name} already."
            raise ApiError("CONFLICT", message) from error
        (shape,) = shapes_of([changed])
        return ListAnswer(list=shape)


class ListsView(SavesLists):
    @reads("Every list", scope=Scope.LISTS_READ)
    def get(self) -> ListsAnswer:
        rows = List.objects.filter(workspace=self.workspace).order_by("name")
        listed = [
            ListedList(**asdict(shape), etag=etag_of(_edited(shape))) for shape in shapes_of(rows)
        ]
        return ListsAnswer(lists=listed)

    @writes("Create a list", scope=Scope.LISTS_WRITE, example={"name": "Product news"})
    def post(self, given: NewList) -> ListAnswer:
        made = List(
            workspace=self.workspace,
            name=given.name,
            description=given.description,
            is_private=given.is_private,
            allow_member_unsubscribe=given.allow_member_unsubscribe,
        )
        return self.saved(made)


class ListView(SavesLists):
    @writes("Change a list", scope=Scope.LISTS_WRITE, example={"description": "Once a month."})
    def patch(self, given: ListChange, *, list_id: ListOfPath) -> ListAnswer:
        chosen = self._expected(list_id)
        for name in ("name", "description", "is_private", "allow_member_unsubscribe"):
            value = getattr(given, name)
            if value is not UNSET:
                setattr(chosen, name, value)
        return self.saved(chosen)

    @writes("Delete a list; the people stay", scope=Scope.LISTS_WRITE, is_atomic=False)
    def delete(self, *, list_id: ListOfPath) -> DeletedListAnswer:
        with transaction.atomic():
            # Once: what others change meanwhile is deleted, too.
            chosen = self._expected(list_id)
        removed = ListMembership.objects.filter(list=chosen, unsubscribed_at=None).count()
        lists.remove_most_members(chosen=chosen, check=lambda: self._unused(list_id))
        with transaction.atomic():
            lists.delete(chosen=self._unused(list_id))
        return DeletedListAnswer(removed_memberships=removed)

    def _expected(self, list_id: UUID) -> List:
        """Return the locked list, if it is still as the caller saw it."""
        chosen = self._locked(list_id)
        (shape,) = shapes_of([chosen])
        self.expect(_edited(shape))
        return chosen

    def _unused(self, list_id: UUID) -> List:
        chosen = self._locked(list_id)
        name_uses.refuse_if_used(name_uses.of_list(chosen))
        return chosen

    def _locked(self, list_id: UUID) -> List:
        return self.locked_row(List.objects.all(), list_id, prefix="lst")


def shapes_of(rows: Iterable[List]) -> list[ListShape]:
    """Return lists with the numbers of their members; three statements for all of them."""
    chosen = list(rows)
    counts = _members_of([each.pk for each in chosen])
    return [
        ListShape(
            id=ids.encode("lst", each.pk),
            name=each.name,
            description=each.description,
            is_private=each.is_private,
            allow_member_unsubscribe=each.allow_member_unsubscribe,
            subscriber_count=counts[each.pk][0],
            active_subscriber_count=counts[each.pk][1],
            created_at=each.created_at,
        )
        for each in chosen
    ]


def _edited(shape: ListShape) -> ListShape:
    """Return a list without the counts, which change without anybody editing it."""
    return replaced(shape, subscriber_count=0, active_subscriber_count=0)


def _members_of(list_ids: Sequence[UUID]) -> dict[UUID, tuple[int, int]]:
    """Return members of any status and active ones, by list."""
    stored = current.of(subject=current.Subject.LIST, ids=list_ids)
    counts = {
        list_id: (each.count, each.parts.get(Subscriber.Status.ACTIVE, each.count))
        for list_id, each in stored.items()
        if each.count > EXACT
    }
    small = [list_id for list_id in list_ids if list_id not in counts]
    counts |= dict.fromkeys(small, (0, 0))
    members = ListMembership.objects.filter(list__in=small, unsubscribed_at=None)
    active = CountOf("pk", filter=Q(subscriber__status=Subscriber.Status.ACTIVE))
    rows = members.order_by().values("list_id").annotate(every=CountOf("pk"), active=active)
    return counts | {row["list_id"]: (row["every"], row["active"]) for row in rows}
