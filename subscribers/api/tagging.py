"""Tags of people: given and taken, one person or many at a time."""

from collections.abc import Iterator
from typing import Annotated

from msgspec import UNSET, UnsetType

from subscribers import ids
from subscribers.api.calls import Answered, ResourceView, Shape, writes
from subscribers.api.inputs import Inputs, inputs
from subscribers.api.named_people import ExternalIds, FoundPeople, NamedPeople, NotFound
from subscribers.api.subscriber_inputs import UNUSED, Attributes, ClearableText, person_of
from subscribers.api.subscriber_shapes import tag_names_of
from subscribers.api.subscribers import OptIn, TakenPerson, take_one
from subscribers.api.values import (
    TAG_NAME,
    Count,
    Email,
    ExternalId,
    Flag,
    SubscriberId,
    TagId,
    TagName,
    several,
)
from subscribers.models import Tag
from subscribers.models.api_key import Scope
from subscribers.services.audience import tags
from subscribers.services.people import grouped
from subscribers.wire.amounts import counted
from subscribers.wire.payloads import Fault

MOST_TAGS = 100
TagNames = Annotated[list[str], several(TAG_NAME, most=MOST_TAGS)]


@inputs
class Tagged(Inputs):
    """One person; somebody new is created."""

    unused = UNUSED

    email: Email | None = None
    external_id: ExternalId | None = None
    first_name: ClearableText = ""
    last_name: ClearableText = ""
    custom_attributes: Attributes | None = None

    def find_faults(self) -> Iterator[Fault]:
        if self.email is None and self.external_id is None:
            yield Fault("email", "is needed: give email, externalId or both.")


@inputs
class TaggedOnce(Tagged):
    tag: TagName


@inputs
class TaggedOften(Tagged):
    tags: TagNames


@inputs
class TaggedMany(NamedPeople):
    tags: TagNames
    external_ids: ExternalIds | None = None
    trigger_automations: Flag = False

    @property
    def external(self) -> list[str]:
        return self.external_ids or []


class TaggedPerson(Shape, kw_only=True):
    id: SubscriberId
    email: str
    created: bool
    tags: list[str]


class GivenTag(Shape, kw_only=True):
    id: TagId
    name: str
    created: bool


class TakenTag(Shape, kw_only=True):
    name: str
    removed: bool


class GivenTags(Shape, kw_only=True):
    """`created`: which of them are new in the workspace."""

    added: list[str]
    created: list[str]


class TaggedAnswer(Answered, kw_only=True):
    subscriber: TaggedPerson
    tag: GivenTag
    opt_in: OptIn | UnsetType = UNSET


class TaggedOftenAnswer(Answered, kw_only=True):
    subscriber: TaggedPerson
    tags: GivenTags
    opt_in: OptIn | UnsetType = UNSET


class UntaggedAnswer(Answered, kw_only=True):
    subscriber: TaggedPerson
    tag: TakenTag
    opt_in: OptIn | UnsetType = UNSET


class FailedPerson(Shape, kw_only=True):
    email: str
    subscriber_id: str
    error: str


class BulkAnswer(Answered, kw_only=True):
    """`matched` people are there; `updated` of them changed."""

    requested: Count
    matched: Count
    updated: Count
    unchanged: Count
    failed: Count
    failures: list[FailedPerson]
    not_found: NotFound
    tags: list[str]
    triggered_automations: bool
    message: str


class TagOneView(ResourceView):
    @writes(
        "Give a tag to somebody",
        scope=Scope.SUBSCRIBERS_TAG,
        example={"email": "ada@example.com", "tag": "VIP User"},
    )
    def post(self, given: TaggedOnce) -> TaggedAnswer:
        known = _known(self, [given.tag])
        person = take_one(self, person_of(given), tags=(given.tag,))
        (tag,) = tags.ensure(workspace=self.workspace, names=[given.tag]).values()
        return TaggedAnswer(
            subscriber=_shape(person),
            tag=GivenTag(
                id=ids.encode("tag", tag.pk), name=tag.name, created=given.tag not in known
            ),
            opt_in=person.opt_in,
        )


class TagOftenView(ResourceView):
    @writes(
        "Give several tags to somebody",
        scope=Scope.SUBSCRIBERS_TAG,
        example={"email": "ada@example.com", "tags": ["vip", "trial"]},
    )
    def post(self, given: TaggedOften) -> TaggedOftenAnswer:
        known = _known(self, given.tags)
        person = take_one(self, person_of(given), tags=tuple(given.tags))
        return TaggedOftenAnswer(
            subscriber=_shape(person),
            tags=GivenTags(
                added=given.tags, created=[name for name in given.tags if name not in known]
            ),
            opt_in=person.opt_in,
        )


class UntagView(ResourceView):
    @writes(
        "Take a tag from somebody",
        scope=Scope.SUBSCRIBERS_TAG,
        example={"email": "ada@example.com", "tag": "vip"},
    )
    def post(self, given: TaggedOnce) -> UntaggedAnswer:
        person = take_one(self, person_of(given), tags=())
        chosen = Tag.objects.filter(workspace=self.workspace, name=given.tag)
        gone = grouped.untag(people=[person.row], chosen=chosen)
        return UntaggedAnswer(
            subscriber=_shape(person),
            tag=TakenTag(name=given.tag, removed=bool(gone)),
            opt_in=person.opt_in,
        )


class BulkTagView(ResourceView):
    @writes(
        "Give tags to up to 500 people",
        scope=Scope.SUBSCRIBERS_TAG,
        example={"emails": ["ada@example.com", "bob@example.com"], "tags": ["vip"]},
    )
    def post(self, given: TaggedMany) -> BulkAnswer:
        chosen = tags.ensure(workspace=self.workspace, names=given.tags)
        found = FoundPeople(self, given)
        changed = grouped.tag(
            people=found.people,
            chosen=list(chosen.values()),
            now=self.now,
            starts_sequences=given.trigger_automations,
            is_test=self.api_key.is_test,
        )
        return _bulk(given, found, len(changed), "have the tags now")


class BulkUntagView(ResourceView):
    @writes(
        "Take tags from up to 500 people",
        scope=Scope.SUBSCRIBERS_TAG,
        example={"emails": ["ada@example.com", "bob@example.com"], "tags": ["vip"]},
    )
    def post(self, given: TaggedMany) -> BulkAnswer:
        chosen = Tag.objects.filter(workspace=self.workspace, name__in=given.tags)
        found = FoundPeople(self, given)
        changed = grouped.untag(people=found.people, chosen=list(chosen))
        return _bulk(given, found, len(changed), "have none of the tags now")


def _known(view: ResourceView, names: list[str]) -> set[str]:
    rows = Tag.objects.filter(workspace=view.workspace, name__in=names)
    return set(rows.values_list("name", flat=True))


def _shape(person: TakenPerson) -> TaggedPerson:
    return TaggedPerson(
        id=person.row.public_id,
        email=person.row.email,
        created=person.is_created,
        tags=tag_names_of([person.row.pk]).get(person.row.pk, []),
    )


def _bulk(given: TaggedMany, found: FoundPeople, changed: int, words: str) -> BulkAnswer:
    matched = len(found.people)
    named = counted(found.requested, "person", "people")
    return BulkAnswer(
        requested=found.requested,
        matched=matched,
        updated=changed,
        unchanged=matched - changed,
        failed=0,
        failures=[],
        not_found=found.not_found,
        tags=given.tags,
        triggered_automations=given.trigger_automations,
        message=f"Found {matched} of {named}; they {words}.",
    )
