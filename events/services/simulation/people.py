"""The person of a simulation: a known subscriber, or a new one."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from subscribers.models import ListMembership, Subscriber, SubscriberTag, Workspace
from subscribers.services.audience import lists
from subscribers.wire.addresses import Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Someone:
    """A person before anything happens; `subscriber` is never saved.

    `status` stays, while the simulation changes the subscriber. A new person has the lists that
    every new subscriber joins.
    """

    subscriber: Subscriber
    is_known: bool
    status: str
    tags: Mapping[UUID, str]
    list_ids: frozenset[UUID]

    @property
    def is_pending(self) -> bool:
        return self.status == Subscriber.Status.PENDING


def find_or_imagine(*, workspace: Workspace, address: Address, now: datetime) -> Someone:
    """Return the subscriber with the address, or one as a request would create; reads only."""
    found = Subscriber.objects.filter(workspace=workspace, email_key=address.key).first()
    if found is None:
        is_pending = workspace.double_opt_in
        status = Subscriber.Status.PENDING if is_pending else Subscriber.Status.ACTIVE
        person = Subscriber(
            workspace=workspace,
            email=address.text,
            email_key=address.key,
            status=status,
            created_at=now,
            updated_at=now,
        )
        list_ids = frozenset(() if is_pending else lists.default_ids(workspace_id=workspace.pk))
        return Someone(subscriber=person, is_known=False, status=status, tags={}, list_ids=list_ids)
    return known(found)


def known(subscriber: Subscriber) -> Someone:
    tags = SubscriberTag.objects.filter(subscriber=subscriber).order_by("tag__name")
    joined = ListMembership.objects.filter(subscriber=subscriber, unsubscribed_at=None)
    return Someone(
        subscriber=subscriber,
        is_known=True,
        status=subscriber.status,
        tags=dict(tags.values_list("tag_id", "tag__name")),
        list_ids=frozenset(joined.values_list("list_id", flat=True)),
    )
