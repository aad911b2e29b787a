"""`/lists`, and their members."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Count as CountOf
from django.db.models import Q
from msgspec import UNSET, UnsetType
from msgspec.structs import replace as replaced

from events.services.counts import current
from events.services.sequences import name_uses
from subscribers import ids
from subscribers.api.calls import (
    Answered,
    ResourceView,
    Shape,
    id_in_path,
    no_such_row,
    reads,
    writes,
)  # fmt: skip
from subscribers.api.errors import ApiError
from subscribers.api.inputs import Inputs, Reads, inputs
from subscribers.api.named_people import MOST, FoundPeople, NamedPeople
from subscribers.api.subscriber_inputs import Mode, Strategy
from subscribers.api.subscribers import take_options
from subscribers.api.values import Count, Flag, ListId, ListName, Prose
from subscribers.models import List, ListMembership, Subscriber
from subscribers.models.api_key import Scope
from subscribers.services.audience import lists
from subscribers.services.consent.unsubscribing import UnsubscribeMethod
from subscribers.services.imports.people import (
    DraftResult,
    Duplicates,
    OptInMode,
    SubscriberDraft,
    Taken,
    take_in,
)  # fmt: skip
from subscribers.services.people import grouped
from subscribers.services.workspaces import workspaces
from subscribers.wire.payloads import Fault, InvalidField, Person, read_email

# Up to so many members are counted at each call; beyond, the worker's latest number is answered.
EXACT = 10_000
ListOfPath = Annotated[UUID, id_in_path("lst")]


def _read_emails(value: object) -> list[str]:
    """Return up to 500 texts as they are given; blank ones are counted, not refused."""
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise InvalidField("must be an array of strings.")
    if not 1 <= len(value) <= MOST:
        raise InvalidField(f"has {len(value)} elements; 1 to {MOST} are allowed.")
    return value


_EMAILS = {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": MOST}
Emails = Annotated[list[str], Reads(_read_emails, _EMAILS)]


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


@inputs
class NewMembers(Inputs):
    """Only addresses are given, so the strategies do the same: nobody known is changed."""

    emails: Emails
    duplicate_strategy: Strategy = Duplicates.SKIP
    opt_in_mode: Mode = OptInMode.DEFAULT
    enroll_in_sequences: Flag = True


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


class ListsAnswer(Answered, kw_only=True):
    lists: list[ListShape]


class ListAnswer(Answered, kw_only=True):
    list: ListShape

    @property
    def edited(self) -> Shape:
        # The counts change without anybody editing the list.
        return replaced(self.list, subscriber_count=0, active_subscriber_count=0)


class DeletedListAnswer(Answered, kw_only=True):
    removed_memberships: Count


class MemberShape(Shape, kw_only=True):
    email: str
    success: bool
    created: bool
    updated: bool
    skipped: bool
    added_to_list: bool
    error: str | UnsetType = UNSET


class MembersAnswer(Answered, kw_only=True):
    list_id: ListId
    total: Count
    processed: Count
    created: Count
    updated: Count
    skipped: Count
    failed: Count
    added_to_list: Count
    duplicate_input_count: Count
    ignored_blank_count: Count
    results: list[MemberShape]


class LeftAnswer(Answered, kw_only=True):
    removed: Count
    not_found: list[str]


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
        return ListsAnswer(lists=shapes_of(rows))

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
        self.expect(ListAnswer(list=shape).edited)
        return chosen

    def _unused(self, list_id: UUID) -> List:
        chosen = self._locked(list_id)
        name_uses.refuse_if_used(name_uses.of_list(chosen))
        return chosen

    def _locked(self, list_id: UUID) -> List:
        workspaces.lock_configuration(workspace_id=self.workspace.pk)
        rows = List.objects.filter(workspace=self.workspace, pk=list_id)
        chosen = rows.select_for_update().first()
        if chosen is None:
            return no_such_row()
        self.about = ids.encode("lst", list_id)
        return chosen


class MembersView(ResourceView):
    @writes(
        "Put up to 500 people on a list",
        scope=Scope.LISTS_WRITE,
        description="Nobody joins a list again that they have left.",
        example={"emails": ["ada@example.com", "bob@example.com"]},
    )
    def post(self, given: NewMembers, *, list_id: ListOfPath) -> MembersAnswer:
        chosen = _list_of(self, list_id)
        drafts = _drafts_of(given.emails, chosen)
        blank = sum(not email.strip() for email in given.emails)
        options = take_options(
            self,
            duplicates=Duplicates.MERGE,
            mode=OptInMode(given.opt_in_mode),
            enrolls=given.enroll_in_sequences,
        )
        before = ids.new_id()
        done = take_in(options=options, given=list(drafts.values()), now=self.now)
        people = [each.person.pk for each in done.results if each.person]
        added = ListMembership.objects.filter(list=chosen, subscriber__in=people, pk__gt=before)
        joined = set(added.values_list("subscriber_id", flat=True))
        results = [
            _member(email, result, joined)
            for email, result in zip(drafts, done.results, strict=True)
        ]
        return MembersAnswer(
            list_id=ids.encode("lst", chosen.pk),
            total=len(given.emails),
            processed=len(results),
            created=sum(each.created for each in results),
            updated=sum(each.updated for each in results),
            skipped=sum(each.skipped for each in results),
            failed=sum(not each.success for each in results),
            added_to_list=len(joined),
            duplicate_input_count=len(given.emails) - blank - len(drafts),
            ignored_blank_count=blank,
            results=results,
        )


class LeaveView(ResourceView):
    @writes(
        "Take up to 500 people off a list",
        scope=Scope.LISTS_WRITE,
        example={"emails": ["ada@example.com"]},
    )
    def post(self, given: NamedPeople, *, list_id: ListOfPath) -> LeftAnswer:
        chosen = _list_of(self, list_id)
        found = FoundPeople(self, given)
        left = grouped.leave_list(
            people=found.people,
            chosen=chosen,
            circumstances=self.circumstances,
            method=UnsubscribeMethod.API,
            now=self.now,
        )
        not_found = [*found.not_found.emails, *found.not_found.subscriber_ids]
        return LeftAnswer(removed=len(left), not_found=not_found)


def _list_of(view: ResourceView, list_id: UUID) -> List:
    view.about = ids.encode("lst", list_id)
    found = List.objects.filter(workspace=view.workspace, pk=list_id).first()
    return no_such_row() if found is None else found


def _drafts_of(emails: Sequence[str], chosen: List) -> dict[str, SubscriberDraft | tuple[Fault]]:
    """Return a draft, or what is wrong, of each address that is given, once and in order."""
    drafts: dict[str, SubscriberDraft | tuple[Fault]] = {}
    keys = set()
    for text in filter(None, map(str.strip, emails)):
        try:
            address = read_email(text)
        except InvalidField as error:
            drafts.setdefault(text, (Fault("email", str(error)),))
            continue
        if address.key not in keys:
            keys.add(address.key)
            person = Person(email=address, external_id=None, attributes={})
            drafts[text] = SubscriberDraft(person=person, lists=(chosen.name,))
    return drafts


def _member(email: str, result: DraftResult, joined: set[UUID]) -> MemberShape:
    is_joined = result.person is not None and result.person.pk in joined
    return MemberShape(
        email=email,
        success=result.person is not None,
        created=result.taken is Taken.CREATED,
        updated=result.taken in {Taken.CHANGED, Taken.LEFT},
        skipped=result.taken is Taken.DUPLICATE,
        added_to_list=is_joined,
        error=UNSET if result.person else f"{result.faults[0].path} {result.faults[0].message}",
    )


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
