"""`/subscribers`: people created, read, changed, left and erased, by each of the addressings."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import transaction
from drf_spectacular.utils import OpenApiParameter, extend_schema
from msgspec import UNSET, UnsetType
from msgspec.structs import asdict

from subscribers import ids
from subscribers.api import person_document, subscriber_lists
from subscribers.api.calls import Answered, ResourceView, Shape, reads, writes
from subscribers.api.declared import FromView
from subscribers.api.errors import ApiError
from subscribers.api.person_document import PersonShape
from subscribers.api.subscriber_inputs import (
    Deletion,
    NewSubscriber,
    Reading,
    SubscriberChange,
    person_of,
)
from subscribers.api.subscriber_shapes import SubscriberShape, nobody, shape_of
from subscribers.models import Subscriber
from subscribers.models.api_key import Scope
from subscribers.services.audience import lists
from subscribers.services.audience import tags as tag_service
from subscribers.services.consent import unsubscribing
from subscribers.services.consent.asking import Asked
from subscribers.services.consent.unsubscribing import UnsubscribeMethod
from subscribers.services.imports.people import (
    Duplicates,
    ImportOptions,
    OptInMode,
    SubscriberDraft,
    Taken,
    TakenIn,
    take_in,
)
from subscribers.services.people import changing, erasing
from subscribers.wire import addresses
from subscribers.wire.payloads import (
    Fault,
    InvalidField,
    InvalidRequest,
    Person,
    read_external_id,
)


class OptIn(Shape, kw_only=True):
    required: bool
    email_queued: bool
    reason: str | UnsetType = UNSET


class TakenPerson(NamedTuple):
    """Somebody who was found or created, and what became of asking them to confirm."""

    row: Subscriber
    taken: Taken | None
    asked: Asked | None

    @property
    def is_created(self) -> bool:
        return self.taken is Taken.CREATED

    @property
    def opt_in(self) -> OptIn | UnsetType:
        """Return whether they must confirm; `UNSET` where nobody was to be asked."""
        is_pending = self.row.status == Subscriber.Status.PENDING
        if self.asked is None and not (is_pending and self.is_created):
            return UNSET
        return OptIn(
            required=is_pending,
            email_queued=bool(self.asked and self.asked.is_queued),
            reason=self.asked.reason if self.asked and self.asked.reason else UNSET,
        )


class TakenShape(SubscriberShape, kw_only=True):
    created: bool
    updated: bool
    skipped: bool


class TakenAnswer(Answered, kw_only=True):
    subscriber: TakenShape
    opt_in: OptIn | UnsetType = UNSET


class PersonAnswer(Answered, kw_only=True):
    subscriber: PersonShape

    @property
    def edited(self) -> SubscriberShape:
        names = SubscriberShape.__struct_fields__
        return SubscriberShape(**{name: getattr(self.subscriber, name) for name in names})


class SubscriberAnswer(Answered, kw_only=True):
    subscriber: SubscriberShape

    @property
    def edited(self) -> SubscriberShape:
        return self.subscriber


class SubscribersAnswer(Answered, kw_only=True):
    subscribers: list[SubscriberShape]
    pagination: subscriber_lists.Pagination


class DeletedAnswer(Answered, kw_only=True):
    deleted: bool
    is_suppressed: bool


class SubscribersView(ResourceView):
    @reads("Subscribers, newest first", scope=Scope.SUBSCRIBERS_READ)
    def get(self, asked: subscriber_lists.SubscribersQuery) -> SubscribersAnswer:
        found = subscriber_lists.find(workspace=self.workspace, asked=asked, now=self.now)
        return SubscribersAnswer(subscribers=found.people, pagination=found.pagination)

    @writes(
        "Create a subscriber, or complete a known one",
        scope=Scope.SUBSCRIBERS_WRITE,
        example={"email": "grace@example.com", "firstName": "Grace", "tags": ["lead"]},
    )
    def post(self, given: NewSubscriber) -> TakenAnswer:
        options = take_options(
            self,
            duplicates=Duplicates(given.duplicate_strategy),
            mode=OptInMode(given.opt_in_mode),
            enrolls=given.created_at is None
            if given.enroll_in_sequences is None
            else given.enroll_in_sequences,
        )
        draft = SubscriberDraft(
            person=person_of(given),
            tags=tuple(given.tags or ()),
            lists=None if given.lists is None else tuple(chosen_lists(self, given.lists).values()),
            status=given.status,
            created_at=given.created_at,
        )
        tag_service.ensure(workspace=self.workspace, names=draft.tags)
        done = take_in(options=options, given=[draft], now=self.now)
        person = _only_person(self, done)
        shape = shape_of(person.row.pk)
        return TakenAnswer(
            subscriber=TakenShape(
                **asdict(shape),
                created=person.is_created,
                updated=person.taken in {Taken.CHANGED, Taken.LEFT},
                skipped=person.taken is Taken.DUPLICATE,
            ),
            opt_in=person.opt_in,
        )


def take_options(
    view: ResourceView, *, duplicates: Duplicates, mode: OptInMode, enrolls: bool
) -> ImportOptions:
    return ImportOptions(
        workspace=view.workspace,
        circumstances=view.circumstances,
        source=changing.SOURCE,
        attributes_bytes=settings.MAX_ATTRIBUTES_BYTES,
        furthest_ahead=settings.MAX_EVENT_LEAD,
        duplicates=duplicates,
        opt_in_mode=mode,
        # A caller that skips known people is told so for each of them.
        keeps_status=duplicates is Duplicates.SKIP,
        starts_sequences=enrolls,
        is_test=view.api_key.is_test,
        advice_for_lists=".",
    )


def chosen_lists(view: ResourceView, given: list[str], *, field: str = "lists") -> dict[UUID, str]:
    """Return the names, by id, of lists given by public id or name; raises `InvalidRequest`."""
    id_by_name = lists.ids_by_name(workspace_id=view.workspace.pk)
    name_by_id = {list_id: name for name, list_id in id_by_name.items()}
    id_by_text = id_by_name | {ids.encode("lst", list_id): list_id for list_id in name_by_id}
    faults = [
        Fault(f"{field}[{place}]", "is no list of this workspace.")
        for place, each in enumerate(given)
        if each not in id_by_text
    ]
    if faults:
        raise InvalidRequest(*faults)
    return {id_by_text[each]: name_by_id[id_by_text[each]] for each in given}


def take_one(view: ResourceView, person: Person, *, tags: tuple[str, ...]) -> TakenPerson:
    """Find or create somebody as an event request would, with tags, which start sequences.

    Raises `InvalidRequest`, and `ApiError` where the identity means nobody or two people.
    """
    options = take_options(view, duplicates=Duplicates.MERGE, mode=OptInMode.DEFAULT, enrolls=True)
    draft = SubscriberDraft(person=person, tags=tags)
    # Before anybody is locked, so that nobody who waits for a tag holds a person.
    tag_service.ensure(workspace=view.workspace, names=tags)
    done = take_in(options=replace(options, merges_attributes=True), given=[draft], now=view.now)
    return _only_person(view, done)


def _only_person(view: ResourceView, done: TakenIn) -> TakenPerson:
    """Return the person of one draft; raises its faults."""
    (result,) = done.results
    if result.person is not None:
        view.about = result.person.public_id
        return TakenPerson(result.person, result.taken, done.asked.get(result.person.pk))
    if result.code == InvalidRequest.code:
        raise InvalidRequest(*result.faults)
    raise ApiError(result.code, result.faults[0].message)


# --- One person -------------------------------------------------------------------------------

Who = Annotated[Mapping[str, Any], FromView()]


class NamedPerson(ResourceView):
    """A path that names one subscriber: by address, public id or external id."""

    def addressed(self, **parts: str) -> Mapping[str, Any]:
        if "external_id" in parts:
            try:
                return {"external_id": read_external_id(parts["external_id"])}
            except InvalidField as error:
                raise nobody() from error
        row_id = ids.decode("sub", parts["email"])
        if row_id is not None:
            return {"pk": row_id}
        try:
            return {"email_key": addresses.parse(parts["email"]).key}
        except addresses.InvalidAddress as error:
            raise nobody() from error

    def locked(self, who: Mapping[str, Any]) -> Subscriber:
        found = Subscriber.objects.in_workspace(self.workspace).filter(**who).locked().first()
        if found is None:
            raise nobody()
        found.workspace = self.workspace
        self.about = found.public_id
        return found


class PersonView(NamedPerson):
    @reads("A subscriber with lists, enrollments and latest activity", scope=Scope.SUBSCRIBERS_READ)
    def get(self, asked: Reading, *, who: Who) -> PersonAnswer:
        return PersonAnswer(
            subscriber=person_document.document_of(
                Subscriber.objects.in_workspace(self.workspace).filter(**who),
                counts_machines=asked.include_machine_engagement,
            )
        )

    @writes("Change a subscriber", scope=Scope.SUBSCRIBERS_WRITE, example={"firstName": "Grace"})
    def patch(self, given: SubscriberChange, *, who: Who) -> SubscriberAnswer:
        if isinstance(given.tags, list):
            # Before anybody is locked.
            tag_service.ensure(workspace=self.workspace, names=given.tags)
        person = self.locked(who)
        self.expect(shape_of(person.pk))
        changing.change(
            person=person,
            wanted=changing.Wanted(
                columns=given.columns,
                email=given.email or None,
                attributes=None if given.custom_attributes is UNSET else given.custom_attributes,
                replaces_attributes=given.custom_attributes_strategy == "replace",
                tags=None if given.tags is UNSET else given.tags,
                status=Subscriber.Status(given.status) if given.status else None,
            ),
            attributes_bytes=settings.MAX_ATTRIBUTES_BYTES,
            circumstances=self.circumstances,
            now=self.now,
            is_test=self.api_key.is_test,
        )
        return SubscriberAnswer(subscriber=shape_of(person.pk))

    @writes(
        "Erase a subscriber with all that names them",
        scope=Scope.SUBSCRIBERS_WRITE,
        is_atomic=False,
    )
    def delete(self, asked: Deletion, *, who: Who) -> DeletedAnswer:
        with transaction.atomic():
            person = self.locked(who)
            self.expect(shape_of(person.pk))
        # The log does not name somebody who is erased.
        self.about = ""
        erased = erasing.erase(
            subscriber_id=person.pk,
            circumstances=self.circumstances,
            now=self.now,
            allows_return=not asked.keep_suppressed,
            keeps_out_those_who_left=True,
        )
        return DeletedAnswer(deleted=True, is_suppressed=erased.is_suppressed)


@extend_schema(
    parameters=[
        OpenApiParameter("externalId", {"type": "string"}, OpenApiParameter.QUERY, required=True)
    ]
)
class PersonByQueryView(PersonView):
    """The same, with the external id in the query."""

    addressing = frozenset({"externalId"})

    def addressed(self, **parts: str) -> Mapping[str, Any]:
        try:
            given = read_external_id(self.request.query_params.get("externalId", ""))
        except InvalidField as error:
            raise InvalidRequest(Fault("externalId", str(error))) from error
        return super().addressed(external_id=given)


class UnsubscribeView(NamedPerson):
    @writes("Unsubscribe somebody from all marketing mail", scope=Scope.SUBSCRIBERS_WRITE)
    def post(self, *, who: Who) -> SubscriberAnswer:
        person = self.locked(who)
        unsubscribing.leave(
            subscriber_ids=[person.pk],
            now=self.now,
            method=UnsubscribeMethod.API,
            circumstances=self.circumstances,
        )
        return SubscriberAnswer(subscriber=shape_of(person.pk))
