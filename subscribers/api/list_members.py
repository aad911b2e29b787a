"""`/lists/{list_id}/subscribers`: people put on a list, and taken off it."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from msgspec import UNSET, UnsetType

from subscribers import ids
from subscribers.api.calls import Answered, ResourceView, Shape, no_such_row, writes
from subscribers.api.inputs import Inputs, Reads, inputs
from subscribers.api.lists import ListOfPath
from subscribers.api.named_people import MOST, FoundPeople, NamedPeople
from subscribers.api.subscriber_inputs import Mode, Strategy
from subscribers.api.subscribers import take_options
from subscribers.api.values import Count, Flag, ListId
from subscribers.models import List, ListMembership
from subscribers.models.api_key import Scope
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
from subscribers.wire.payloads import Fault, InvalidField, Person, read_email


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
class NewMembers(Inputs):
    """Only addresses are given, so the strategies do the same: nobody known is changed."""

    emails: Emails
    duplicate_strategy: Strategy = Duplicates.SKIP
    opt_in_mode: Mode = OptInMode.DEFAULT
    enroll_in_sequences: Flag = True


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
