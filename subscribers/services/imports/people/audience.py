"""Reads from the database what a batch of rows needs: subscribers by address and external id, their
tags and lists, suppressions, and the lists that rows name.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from subscribers.models import (
    ConsentRecord,
    List,
    ListMembership,
    Subscriber,
    SubscriberTag,
    Suppression,
)
from subscribers.services.audience import lists, subscribers
from subscribers.services.imports.people.drafts import SubscriberDraft
from subscribers.services.imports.people.options import ImportOptions
from subscribers.services.imports.people.standing import says_gone
from subscribers.services.workspaces import workspaces
from subscribers.wire.address_hashes import address_hash
from subscribers.wire.payloads import Person

_AGREED = (ConsentRecord.Kind.CONFIRMED, ConsentRecord.Kind.RESUBSCRIBED)


@dataclass(kw_only=True)
class Audience:
    """The known subscribers of some rows, and what the rows name."""

    by_key: dict[str, Subscriber] = field(default_factory=dict)
    by_external_id: dict[str, Subscriber] = field(default_factory=dict)
    # Of known subscribers, and only where rows need it.
    tags: dict[UUID, set[str]] = field(default_factory=lambda: defaultdict(set))
    lists: dict[UUID, set[UUID]] = field(default_factory=lambda: defaultdict(set))
    agreed: set[UUID] = field(default_factory=set)
    # Of addresses without a subscriber, by their keys.
    suppressed_for: dict[str, Suppression.Reason] = field(default_factory=dict)
    list_ids: dict[str, UUID] = field(default_factory=dict)
    default_list_ids: Sequence[UUID] = ()

    def matches(self, person: Person) -> tuple[Subscriber | None, Subscriber | None]:
        return (
            self.by_key.get(person.email.key) if person.email else None,
            self.by_external_id.get(person.external_id) if person.external_id else None,
        )

    def choose(self, person: Person) -> Subscriber | None:
        """Return the subscriber of an identity, also an added one; raises as the API does."""
        by_address, by_external_id = self.matches(person)
        return subscribers.choose(
            by_address=by_address, by_external_id=by_external_id, person=person
        )

    def add(self, person: Subscriber) -> None:
        self.by_key[person.email_key] = person
        if person.external_id is not None:
            self.by_external_id[person.external_id] = person


def create_lists(*, options: ImportOptions, drafts: Sequence[SubscriberDraft]) -> None:
    """Create missing lists that rows name, in the caller's transaction. Locks the workspace's row,
    so call it before locking subscribers. Idempotent.
    """
    named = _named(drafts)
    workspace = options.workspace
    missing = sorted(named - lists.ids_by_name(workspace_id=workspace.pk).keys()) if named else []
    if not missing:
        return
    workspaces.lock_configuration(workspace_id=workspace.pk)
    List.objects.bulk_create(
        [List(workspace=workspace, name=name) for name in missing], ignore_conflicts=True
    )
    workspaces.configuration_changed(workspace_id=workspace.pk)


def read(*, options: ImportOptions, drafts: Sequence[SubscriberDraft]) -> Audience:
    """Return the audience of the rows; a handful of queries, in the caller's transaction. Locks the
    subscribers by id, unless known ones are skipped and no row says that somebody left.
    """
    audience = Audience()
    _read_people(audience, options, drafts)
    if not options.skips_known:
        _read_their_own(audience, drafts)
    _read_suppressions(audience, options, drafts)
    if _named(drafts):
        audience.list_ids = lists.ids_by_name(workspace_id=options.workspace.pk)
    if any(draft.lists is None for draft in drafts):
        audience.default_list_ids = lists.default_ids(workspace_id=options.workspace.pk)
    return audience


def _named(drafts: Sequence[SubscriberDraft]) -> set[str]:
    return {name for draft in drafts for name in draft.lists or ()}


def _read_people(
    audience: Audience, options: ImportOptions, drafts: Sequence[SubscriberDraft]
) -> None:
    keys = {draft.person.email.key for draft in drafts if draft.person.email}
    external_ids = {draft.person.external_id for draft in drafts if draft.person.external_id}
    everybody = Subscriber.objects.in_workspace(options.workspace)
    # Two queries, each by its own index, and one that locks: an OR of both may walk the table.
    found = set(everybody.filter(email_key__in=keys).values_list("pk", flat=True))
    if external_ids:
        identified = everybody.filter(external_id__in=external_ids)
        found.update(identified.values_list("pk", flat=True))
    if not found:
        return
    rows = Subscriber.objects.filter(pk__in=found)
    takes_leaving = not options.keeps_status and any(map(says_gone, drafts))
    if takes_leaving or not options.skips_known:
        rows = rows.locked()
    for person in rows:
        person.workspace = options.workspace
        audience.add(person)


def _read_their_own(audience: Audience, drafts: Sequence[SubscriberDraft]) -> None:
    people = _known(audience, [draft for draft in drafts if draft.tags])
    if people:
        links = SubscriberTag.objects.filter(subscriber__in=people)
        for person_id, name in links.values_list("subscriber_id", "tag__name"):
            audience.tags[person_id].add(name)
    people = _known(audience, [draft for draft in drafts if draft.lists])
    if people:
        # Left lists too: nobody rejoins one.
        places = ListMembership.objects.filter(subscriber__in=people)
        for person_id, list_id in places.values_list("subscriber_id", "list_id"):
            audience.lists[person_id].add(list_id)
    people = _known(audience, [draft for draft in drafts if draft.consent.at])
    if people:
        lines = ConsentRecord.objects.filter(subscriber__in=people, kind__in=_AGREED)
        audience.agreed.update(lines.values_list("subscriber_id", flat=True))


def _known(audience: Audience, drafts: Sequence[SubscriberDraft]) -> Collection[UUID]:
    return {row.pk for draft in drafts for row in audience.matches(draft.person) if row is not None}


def _read_suppressions(
    audience: Audience, options: ImportOptions, drafts: Sequence[SubscriberDraft]
) -> None:
    workspace = options.workspace
    keys = {draft.person.email.key for draft in drafts if draft.person.email}
    key_by_hash = {
        address_hash(workspace.address_hash_key, key): key for key in keys - audience.by_key.keys()
    }
    rows = Suppression.objects.filter(workspace=workspace, address_hash__in=key_by_hash)
    for hashed, reason in rows.values_list("address_hash", "reason"):
        audience.suppressed_for[key_by_hash[hashed]] = Suppression.Reason(reason)
