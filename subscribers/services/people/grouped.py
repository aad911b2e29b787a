"""Changes many people at once: the same tags, or one list, in a constant number of statements.

Everything runs in the caller's transaction, and under the locks of the people, taken by id.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from subscribers import reactions
from subscribers.models import (
    ConsentRecord,
    List,
    ListMembership,
    Subscriber,
    SubscriberTag,
    Tag,
    Workspace,
)
from subscribers.services.audience import tags
from subscribers.services.consent import ledger
from subscribers.services.consent.ledger import Circumstances
from subscribers.services.storage import quick_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """People by what callers know of them; `emails` are keys of addresses."""

    emails: Collection[str] = ()
    external_ids: Collection[str] = ()
    subscriber_ids: Collection[UUID] = ()


def lock(*, workspace: Workspace, named: Named) -> list[Subscriber]:
    """Lock and return those who are there, by id; up to four queries."""
    everybody = Subscriber.objects.in_workspace(workspace)
    # Each by its own index: an OR of them may walk the table.
    ways = (
        {"pk__in": named.subscriber_ids},
        {"email_key__in": named.emails},
        {"external_id__in": named.external_ids},
    )
    found: set[UUID] = set()
    for way in ways:
        if any(way.values()):
            found.update(everybody.filter(**way).values_list("pk", flat=True))
    people = list(Subscriber.objects.filter(pk__in=found).locked())
    for person in people:
        person.workspace = workspace
    return people


def tag(
    *,
    people: Sequence[Subscriber],
    chosen: Collection[Tag],
    now: datetime,
    starts_sequences: bool,
    is_test: bool,
) -> set[UUID]:
    """Give tags to locked people; returns the ids of those who lacked one. Idempotent.

    Enrollments that a tag ends are stopped in any case.
    """
    wanted = {each.pk for each in chosen}
    had = _tags_of(people, wanted)
    lacking = [person for person in people if wanted - had[person.pk]]
    if not lacking:
        return set()
    tags.change_many(subscribers=lacking, added=wanted, removed=())
    alike: dict[frozenset[UUID], list[UUID]] = defaultdict(list)
    for person in lacking:
        alike[frozenset(wanted - had[person.pk])].append(person.pk)
    for new, who in alike.items():
        reactions.current().tags_added(
            subscriber_ids=who,
            tag_ids=sorted(new),
            now=now,
            is_test=is_test,
            starts=starts_sequences,
        )
    return {person.pk for person in lacking}


def untag(*, people: Sequence[Subscriber], chosen: Collection[Tag]) -> set[UUID]:
    """Take tags from locked people; returns the ids of those who had one. Idempotent."""
    gone = {each.pk for each in chosen}
    had = _tags_of(people, gone)
    having = [person for person in people if had[person.pk]]
    if having:
        tags.change_many(subscribers=having, added=(), removed=gone)
    return {person.pk for person in having}


def leave_list(
    *,
    people: Sequence[Subscriber],
    chosen: List,
    circumstances: Circumstances,
    method: str,
    now: datetime,
) -> set[UUID]:
    """Take locked people off a list, with a consent record each; returns the ids of the members."""
    joined = ListMembership.objects.filter(
        subscriber__in=[person.pk for person in people], list=chosen, unsubscribed_at=None
    )
    members = set(joined.values_list("subscriber_id", flat=True))
    joined.update(unsubscribed_at=now)
    quick_rows.insert(
        [
            ledger.line_of_address(
                workspace=person.workspace,
                email_key=person.email_key,
                subscriber=person,
                kind=ConsentRecord.Kind.LEFT_LIST,
                circumstances=circumstances,
                now=now,
                method=method,
                list_name=chosen.name,
            )
            for person in people
            if person.pk in members
        ]
    )
    return members


def _tags_of(people: Sequence[Subscriber], wanted: set[UUID]) -> dict[UUID, set[UUID]]:
    had: dict[UUID, set[UUID]] = defaultdict(set)
    links = SubscriberTag.objects.filter(subscriber__in=people, tag__in=wanted)
    for person_id, tag_id in links.values_list("subscriber_id", "tag_id"):
        had[person_id].add(tag_id)
    return had
