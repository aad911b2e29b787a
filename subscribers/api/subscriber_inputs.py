"""What calls take about people."""

from collections.abc import Iterator
from typing import Annotated, Any, Protocol

from django.conf import settings
from msgspec import UNSET, UnsetType

from subscribers.api.inputs import Inputs, Reads, inputs
from subscribers.api.values import (
    TAG_NAME,
    Email,
    ExternalId,
    Flag,
    FlagWord,
    Moment,
    one_of,
    several,
)
from subscribers.services.imports.people import Duplicates, OptInMode
from subscribers.wire import addresses, profile
from subscribers.wire.payloads import (
    Fault,
    InvalidField,
    Person,
    read_name,
    read_object,
    read_text,
)

MOST_TAGS = 500
MOST_LISTS = 500
ATTRIBUTES = {"type": "object", "additionalProperties": True}


def _read_attributes(value: object) -> dict[str, Any]:
    return read_object(value, settings.MAX_ATTRIBUTES_BYTES)


def _read_clearable(value: object) -> str:
    """Return a text of a profile; empty clears it."""
    is_blank = isinstance(value, str) and not value.strip()
    return "" if is_blank else read_text(value, longest=profile.LONGEST_NAME)


def read_zone(value: object) -> str:
    (zone,) = [text for text in profile.TEXTS if text.name == "timezone"]
    name = read_text(value, longest=zone.longest)
    fault = zone.find_fault and zone.find_fault(name)
    if fault:
        raise InvalidField(fault)
    return name


_LIST = Reads(lambda value: read_name(value, longest=200), {"type": "string", "maxLength": 200})
ClearableText = Annotated[
    str, Reads(_read_clearable, {"type": "string", "maxLength": profile.LONGEST_NAME})
]
Zone = Annotated[str, Reads(read_zone, {"type": "string", "examples": ["Europe/Berlin"]})]
Attributes = Annotated[dict[str, Any], Reads(_read_attributes, ATTRIBUTES)]
TagNames = Annotated[list[str], several(TAG_NAME, most=MOST_TAGS)]
ListNames = Annotated[list[str], several(_LIST, most=MOST_LISTS)]
NewStatus = Annotated[str, one_of("active", "unsubscribed", "bounced", "complained", "pending")]
Status = Annotated[str, one_of("active", "unsubscribed", "bounced", "complained")]
Strategy = Annotated[str, one_of(*Duplicates)]
Mode = Annotated[str, one_of(*OptInMode)]
AttributesStrategy = Annotated[str, one_of("replace", "merge")]
# Parts of the hosted product that are not here.
UNUSED = frozenset({"phone", "phoneCountry", "defaultPhoneCountry", "smsConsent", "smsStatus"})


@inputs
class NewSubscriber(Inputs):
    """`lists`: by id or name; absent: the default ones for somebody new, none: no list."""

    unused = UNUSED

    email: Email | None = None
    external_id: ExternalId | None = None
    first_name: ClearableText = ""
    last_name: ClearableText = ""
    timezone: Zone | None = None
    custom_attributes: Attributes | None = None
    status: NewStatus | None = None
    tags: TagNames | None = None
    lists: ListNames | None = None
    duplicate_strategy: Strategy = Duplicates.SKIP
    opt_in_mode: Mode = OptInMode.DEFAULT
    # As default: true, but not for somebody who came before today.
    enroll_in_sequences: Flag | None = None
    created_at: Moment | None = None

    def find_faults(self) -> Iterator[Fault]:
        if self.email is None and self.external_id is None:
            yield Fault("email", "is needed: give email, externalId or both.")


class GivenPerson(Protocol):
    """Inputs that say who somebody is."""

    @property
    def email(self) -> addresses.Address | None: ...
    @property
    def external_id(self) -> str | None: ...
    @property
    def custom_attributes(self) -> dict[str, Any] | None: ...


def person_of(given: GivenPerson) -> Person:
    texts = {name: getattr(given, name, None) for name in profile.NAMES}
    return Person(
        email=given.email,
        external_id=given.external_id,
        texts={name: text for name, text in texts.items() if text},
        attributes=given.custom_attributes or {},
    )


@inputs
class SubscriberChange(Inputs):
    """What is left out stays as it is."""

    unused = UNUSED
    refuses_null = True

    email: Email | UnsetType = UNSET
    external_id: ExternalId | UnsetType = UNSET
    first_name: ClearableText | UnsetType = UNSET
    last_name: ClearableText | UnsetType = UNSET
    timezone: Zone | UnsetType | None = UNSET
    custom_attributes: Attributes | UnsetType = UNSET
    custom_attributes_strategy: AttributesStrategy = "replace"
    status: Status | UnsetType = UNSET
    # The whole set.
    tags: TagNames | UnsetType = UNSET

    @property
    def columns(self) -> dict[str, str]:
        """Return the texts and the external id that are given, by column."""
        given = {
            "external_id": self.external_id,
            "first_name": self.first_name,
            "last_name": self.last_name,
            "timezone": "" if self.timezone is None else self.timezone,
        }
        return {name: text for name, text in given.items() if isinstance(text, str)}


@inputs
class Reading(Inputs):
    """`include_machine_engagement`: opens and clicks by machines count too."""

    include_machine_engagement: FlagWord = False


@inputs
class Deletion(Inputs):
    """`keep_suppressed`: nobody may write to the address again, whatever the person had said."""

    keep_suppressed: FlagWord = False
