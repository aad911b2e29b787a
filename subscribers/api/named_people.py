"""People in a request, by address, external id or public id: up to 500 together."""

from collections.abc import Iterator
from typing import Annotated
from uuid import UUID

from subscribers import ids
from subscribers.api.calls import ResourceView, Shape
from subscribers.api.inputs import Inputs, Reads, inputs
from subscribers.api.values import several
from subscribers.models import Subscriber
from subscribers.services.people import grouped
from subscribers.wire import addresses
from subscribers.wire.payloads import Fault, InvalidField, read_external_id, read_text

MOST = 500


def _read_id(value: object) -> UUID:
    found = ids.decode("sub", read_text(value, longest=64))
    if found is None:
        raise InvalidField("is no subscriber's id such as sub_….")
    return found


def _read_any_text(value: object) -> str:
    """Return an address or an id as it was given: one that nobody can have is not found."""
    return read_text(value, longest=1000)


AnyTexts = Annotated[list[str], several(Reads(_read_any_text, {"type": "string"}), most=MOST)]
ExternalIds = Annotated[list[str], several(Reads(read_external_id, {"type": "string"}), most=MOST)]
OneId = Annotated[UUID, Reads(_read_id, {"type": "string"})]
SubscriberIds = Annotated[list[UUID], several(Reads(_read_id, {"type": "string"}), most=MOST)]


@inputs
class NamedPeople(Inputs):
    emails: AnyTexts | None = None
    subscriber_ids: AnyTexts | None = None

    @property
    def external(self) -> list[str]:
        return []

    def find_faults(self) -> Iterator[Fault]:
        count = len(self.emails or ()) + len(self.external) + len(self.subscriber_ids or ())
        if not count:
            yield Fault("emails", "is missing: name somebody.")
        if count > MOST:
            yield Fault("emails", f"names {count} people with the other lists; at most {MOST}.")


class NotFound(Shape, kw_only=True):
    emails: list[str]
    external_ids: list[str]
    subscriber_ids: list[str]


class FoundPeople:
    """The people of a request, locked, and what named nobody."""

    def __init__(self, view: ResourceView, given: NamedPeople) -> None:
        key_by_email = {each: _key_of(each) for each in given.emails or ()}
        row_by_id = {each: ids.decode("sub", each) for each in given.subscriber_ids or ()}
        self.requested = len(key_by_email) + len(given.external) + len(row_by_id)
        self.people = grouped.lock(
            workspace=view.workspace,
            named=grouped.Named(
                emails=[key for key in key_by_email.values() if key],
                external_ids=given.external,
                subscriber_ids=[row_id for row_id in row_by_id.values() if row_id],
            ),
        )
        keys = {person.email_key for person in self.people}
        external_ids = {person.external_id for person in self.people}
        row_ids = {person.pk for person in self.people}
        self.not_found = NotFound(
            emails=[email for email, key in key_by_email.items() if key not in keys],
            external_ids=[each for each in given.external if each not in external_ids],
            subscriber_ids=[each for each, row_id in row_by_id.items() if row_id not in row_ids],
        )

    def __iter__(self) -> Iterator[Subscriber]:
        return iter(self.people)


def _key_of(email: str) -> str | None:
    try:
        return addresses.parse(email).key
    except addresses.InvalidAddress:
        return None
