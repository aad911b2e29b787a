"""Changes a subscriber as an application asks: the profile, the whole set of tags, the status."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from subscribers.models import Subscriber
from subscribers.services.audience import tags
from subscribers.services.consent import suppressions, unsubscribing
from subscribers.services.consent.ledger import Circumstances
from subscribers.services.people import changing_address, editing
from subscribers.wire.addresses import Address

Status = Subscriber.Status
SOURCE = "api"
_WAYS_BACK = {
    Status.PENDING: "has not confirmed yet; an event with resubscribe asks them again.",
    Status.UNSUBSCRIBED: "has left; an event with resubscribe asks them, and they decide.",
    Status.COMPLAINED: "has complained; an event with resubscribe asks them, and they decide.",
    Status.BOUNCED: "cannot be reached; lift the suppression of the address.",
}


class OnlyTheyCanReturn(ValueError):
    """Only the person can become active again."""

    code = "CONFLICT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to change; None and empty mean: as it is.

    `columns` are texts of the profile and the external id. `tags` is the whole set of names.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    email: Address | None = None
    attributes: Mapping[str, Any] | None = None
    replaces_attributes: bool = True
    tags: Collection[str] | None = None
    status: Subscriber.Status | None = None


def change(
    *,
    person: Subscriber,
    wanted: Wanted,
    attributes_bytes: int,
    circumstances: Circumstances,
    now: datetime,
    is_test: bool = False,
) -> None:
    """Change a person, whose lock the caller holds, in the caller's transaction. The caller has
    made the tags before, so that nobody who waits for a tag holds a person.

    Raises `OnlyTheyCanReturn`, and what `editing.edit` and `changing_address.change` raise.
    """
    if wanted.status == Status.ACTIVE and person.status != Status.ACTIVE:
        raise OnlyTheyCanReturn(f"{person.email} {_WAYS_BACK[Status(person.status)]}")
    editing.edit(
        subscriber_id=person.pk,
        wanted=_edit(person, wanted),
        attributes_bytes=attributes_bytes,
        starts_sequences=True,
        circumstances=circumstances,
        now=now,
        source=SOURCE,
        is_test=is_test,
    )
    if wanted.email is not None:
        changing_address.change(
            subscriber_id=person.pk,
            address=wanted.email.text,
            circumstances=circumstances,
            now=now,
            is_test=is_test,
        )
    address = wanted.email.text if wanted.email else person.email
    _set_status(person, wanted.status, address, circumstances, now)


def _edit(person: Subscriber, wanted: Wanted) -> editing.Edit:
    attributes = dict(wanted.attributes or {})
    if wanted.attributes is not None and wanted.replaces_attributes:
        attributes = dict.fromkeys(person.attributes) | attributes
    removed: Collection[str] = ()
    if wanted.tags is not None:
        removed = set(tags.names_of(person).values()) - {*wanted.tags}
    return editing.Edit(
        columns=wanted.columns,
        attributes=attributes,
        tags_added=wanted.tags or (),
        tags_removed=removed,
    )


def _set_status(
    person: Subscriber,
    status: Subscriber.Status | None,
    address: str,
    circumstances: Circumstances,
    now: datetime,
) -> None:
    if status == Status.UNSUBSCRIBED:
        unsubscribing.leave(
            subscriber_ids=[person.pk],
            now=now,
            method=unsubscribing.UnsubscribeMethod.API,
            circumstances=circumstances,
        )
    elif status in suppressions.REASON_BY_STATUS:
        suppressions.suppress(
            workspace=person.workspace,
            address=address,
            reason=suppressions.REASON_BY_STATUS[status],
            source=suppressions.SuppressionSource.API,
            now=now,
            circumstances=circumstances,
        )
