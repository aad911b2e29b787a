"""Writes a plan: a statement or two for each table, whatever the number of subscribers.

In the caller's transaction, which holds the locks of known subscribers. Rows that others may insert
at the same time go in one order: subscribers by address, suppressions by hash, tags by name.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError

from subscribers import reactions
from subscribers.ids import new_id
from subscribers.models import (
    Confirmation,
    ConsentRecord,
    ListMembership,
    Subscriber,
    SubscriberTag,
    Suppression,
    Tag,
)
from subscribers.services.audience import tags
from subscribers.services.consent import asking, ledger, suppressions
from subscribers.services.consent.asking import Asked
from subscribers.services.imports.people import known_people
from subscribers.services.imports.people.options import ImportOptions
from subscribers.services.imports.people.plan import BatchPlan
from subscribers.services.storage import quick_rows
from subscribers.wire.address_hashes import address_hash


class SomebodyWasFaster(Exception):
    """Another request created one of the subscribers meanwhile; read again."""


def write(*, plan: BatchPlan, options: ImportOptions, now: datetime) -> dict[UUID, Asked]:
    """Write the plan; returns the people asked to confirm, or raises `SomebodyWasFaster`."""
    _insert_people(plan.created)
    try:
        quick_rows.update(plan.changed, columns=known_people.COLUMNS)
    except IntegrityError as error:
        # An external id that was free when it was read.
        raise SomebodyWasFaster from error
    _close_and_stop(plan, now)
    if plan.attribute_names:
        changed = [person.pk for person in plan.changed]
        reactions.current().attributes_changed(
            subscriber_ids=changed, names=plan.attribute_names, now=now
        )
    known = _put_on_tags(plan, options, now)
    quick_rows.insert(
        [
            ListMembership(
                workspace=options.workspace, subscriber=person, list_id=list_id, subscribed_at=now
            )
            for person, list_id in plan.lists
        ],
        or_ignore=True,
    )
    quick_rows.insert(
        [
            *(_question(person, now, closed_at=None) for person in plan.open_questions),
            *(_question(person, now, closed_at=now) for person in plan.closed_questions),
        ]
    )
    quick_rows.insert([*plan.lines, *_suppress(plan, options, now)])
    if options.starts_sequences:
        _report_lists(plan, options, now)
    _report_tags(plan, known, options, now)
    return _ask(plan.asked, options, now)


def _insert_people(people: Sequence[Subscriber]) -> None:
    if not people:
        return
    by_address = sorted(people, key=lambda person: person.email_key)
    quick_rows.insert(by_address, or_ignore=True)
    stored = Subscriber.objects.filter(pk__in=[person.pk for person in people])
    if stored.count() < len(people):
        raise SomebodyWasFaster


def _close_and_stop(plan: BatchPlan, now: datetime) -> None:
    """Close confirmations and stop enrollments of known subscribers who get no more mail."""
    ended = [*plan.leaving, *plan.suppressed]
    if ended:
        Confirmation.objects.filter(subscriber__in=ended, closed_at=None).update(closed_at=now)
    if plan.leaving:
        left = sorted(person.pk for person in plan.leaving)
        reactions.current().left(subscriber_ids=left, now=now)
    if plan.suppressed:
        suppressed = sorted(person.pk for person in plan.suppressed)
        reactions.current().suppressed(subscriber_ids=suppressed, now=now)


def _put_on_tags(plan: BatchPlan, options: ImportOptions, now: datetime) -> dict[str, Tag]:
    """Return the tags by name."""
    if not plan.tags:
        return {}
    known = tags.ensure(workspace=options.workspace, names={name for _, name in plan.tags})
    quick_rows.insert(
        [
            SubscriberTag(
                workspace=options.workspace, subscriber=person, tag=known[name], created_at=now
            )
            for person, name in plan.tags
        ],
        or_ignore=True,
    )
    return known


def _question(person: Subscriber, now: datetime, *, closed_at: datetime | None) -> Confirmation:
    return Confirmation(
        workspace_id=person.workspace_id, subscriber=person, asked_at=now, closed_at=closed_at
    )


def _suppress(plan: BatchPlan, options: ImportOptions, now: datetime) -> list[ConsentRecord]:
    """Suppress addresses as `suppressions.suppress` does; returns the consent records."""
    workspace = options.workspace
    given_by_hash = {}
    person_by_hash = {}
    for person, reason in plan.to_suppress:
        hashed = address_hash(workspace.address_hash_key, person.email_key)
        person_by_hash[hashed] = person
        given_by_hash[hashed] = Suppression(
            id=new_id(),
            workspace=workspace,
            address_hash=hashed,
            email=person.email,
            reason=reason,
            source=options.source,
            bounces=int(reason == Suppression.Reason.HARD_BOUNCE),
            created_at=now,
        )
    if not given_by_hash:
        return []
    quick_rows.insert([given_by_hash[each] for each in sorted(given_by_hash)], or_ignore=True)
    kept = Suppression.objects.filter(workspace=workspace, address_hash__in=given_by_hash)
    lines, more = [], []
    for stored in kept.order_by("address_hash").select_for_update():
        given = given_by_hash[stored.address_hash]
        is_graver = suppressions.is_graver(given.reason, than=stored.reason)
        if stored.pk != given.pk and not is_graver:
            continue
        if is_graver:
            if suppressions.has_better_source(given, than=stored):
                stored.source, stored.details = given.source, ""
            stored.reason = given.reason
            stored.email = stored.email or given.email
            more.append(stored)
        person = person_by_hash[stored.address_hash]
        lines.append(
            ledger.line_of_address(
                workspace=workspace,
                email_key=person.email_key,
                subscriber=person,
                kind=ConsentRecord.Kind.SUPPRESSED,
                circumstances=options.circumstances,
                now=now,
                method=options.source,
                reason=str(Suppression.Reason(given.reason).label),
            )
        )
    quick_rows.update(more, columns=("reason", "source", "details", "email"))
    return lines


def _ask(people: Sequence[Subscriber], options: ImportOptions, now: datetime) -> dict[UUID, Asked]:
    """Ask for confirmations within the limits."""
    return {
        person.pk: asking.ask(
            subscriber=person,
            circumstances=options.circumstances,
            now=now,
            is_test=options.is_test,
        )
        for person in sorted(people, key=lambda each: each.email_key)
    }


def _report_lists(plan: BatchPlan, options: ImportOptions, now: datetime) -> None:
    """Report new memberships, so that sequences start: those who got the same together."""
    created = {person.pk for person in plan.created}
    for is_created in (True, False):
        # Somebody new starts sequences without any list, too.
        lists_of: dict[UUID, set[UUID]] = {each: set() for each in created} if is_created else {}
        for person, list_id in plan.lists:
            if (person.pk in created) == is_created:
                lists_of.setdefault(person.pk, set()).add(list_id)
        for list_ids, people in _alike(lists_of):
            reactions.current().list_joined(
                subscriber_ids=people,
                list_ids=list_ids,
                now=now,
                is_test=options.is_test,
                is_created=is_created,
            )


def _report_tags(
    plan: BatchPlan, known: Mapping[str, Tag], options: ImportOptions, now: datetime
) -> None:
    """Report new tags: they stop sequences, and start some where that is wanted."""
    port = reactions.current()
    tags_of: dict[UUID, set[UUID]] = defaultdict(set)
    for person, name in plan.tags:
        tags_of[person.pk].add(known[name].pk)
    if options.starts_sequences:
        for tag_ids, people in _alike(tags_of):
            port.tags_added(
                subscriber_ids=people, tag_ids=tag_ids, now=now, is_test=options.is_test
            )
        return
    # Nobody new is in a sequence that could stop.
    created = {person.pk for person in plan.created}
    with_tag: dict[UUID, list[UUID]] = defaultdict(list)
    for person_id in sorted(tags_of.keys() - created):
        for tag_id in tags_of[person_id]:
            with_tag[tag_id].append(person_id)
    for tag_id, people in sorted(with_tag.items()):
        port.tags_added(subscriber_ids=people, tag_ids=[tag_id], now=now, starts=False)


def _alike(given: Mapping[UUID, set[UUID]]) -> list[tuple[list[UUID], list[UUID]]]:
    """Return each set of ids once, with everybody who has just these, in order."""
    people: dict[frozenset[UUID], list[UUID]] = defaultdict(list)
    for person_id in sorted(given):
        people[frozenset(given[person_id])].append(person_id)
    return [(sorted(each), who) for each, who in people.items()]
