"""Exports subscribers page by page.

Each page is read by short queries without locks from where the last one ended: memory stays
constant and nobody waits. Nobody is exported twice; a change meanwhile may be missed.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from django.db.models import Exists, OuterRef, Q, QuerySet, TextField
from django.db.models.functions import Cast

from subscribers.ids import encode
from subscribers.models import (
    ConsentRecord,
    List,
    ListMembership,
    Subscriber,
    SubscriberTag,
    Tag,
    Workspace,
)
from subscribers.models.subscriber import SubscriberQuerySet
from subscribers.rows import lines as export_lines
from subscribers.services.consent.ledger import BY_IMPORT
from subscribers.wire import profile, tag_names

Kind = ConsentRecord.Kind
PAGE = 1000
_AGREED = (Kind.CONFIRMED, Kind.RESUBSCRIBED)


class UnknownName(LookupError):
    """The workspace has no tag or list of the name."""

    code = "NOT_FOUND"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Filters of an export; all must match."""

    subscriber_id: UUID | None = None
    # One of these; empty: any status.
    statuses: tuple[str, ...] = ()
    # All of these, in any form of the names.
    tags: tuple[str, ...] = ()
    # A member of all of these now, by exact name.
    lists: tuple[str, ...] = ()
    # By creation: from `since`, before `before`.
    since: datetime | None = None
    before: datetime | None = None
    # Members of a segment, or another condition on subscribers.
    condition: Q | None = None


EVERYBODY = Chosen()


class SubscriberRow(msgspec.Struct, frozen=True, kw_only=True, gc=False, rename="camel"):
    """One subscriber in the columns of `import_subscribers`; `id` is for reading only."""

    id: str
    email: str
    external_id: str | None
    first_name: str | None
    last_name: str | None
    status: str
    custom_attributes: dict[str, Any]
    tags: list[str]
    # Current ones.
    lists: list[str]
    timezone: str | None
    created_at: datetime
    unsubscribed_at: datetime | None
    # From the latest consent record that says the person agreed.
    consent_at: datetime | None
    consent_ip: str | None
    consent_user_agent: str | None
    consent_method: str | None


def people(*, workspace: Workspace, chosen: Chosen) -> SubscriberQuerySet:
    """Return the chosen subscribers, unordered; raises `UnknownName`."""
    rows = Subscriber.objects.in_workspace(workspace)
    if chosen.condition is not None:
        rows = rows.filter(chosen.condition)
    if chosen.subscriber_id is not None:
        rows = rows.filter(pk=chosen.subscriber_id)
    if chosen.statuses:
        rows = rows.filter(status__in=chosen.statuses)
    if chosen.since is not None:
        rows = rows.filter(created_at__gte=chosen.since)
    if chosen.before is not None:
        rows = rows.filter(created_at__lt=chosen.before)
    tags = Tag.objects.filter(workspace=workspace)
    for tag_id in _ids("tag", tags, {_normal(name) for name in chosen.tags}):
        links = SubscriberTag.objects.filter(subscriber=OuterRef("pk"), tag=tag_id)
        rows = rows.filter(Exists(links))
    lists = List.objects.filter(workspace=workspace)
    for list_id in _ids("list", lists, set(chosen.lists)):
        places = ListMembership.objects.filter(
            subscriber=OuterRef("pk"), list=list_id, unsubscribed_at=None
        )
        rows = rows.filter(Exists(places))
    return rows


def subscriber_pages(
    *, workspace: Workspace, chosen: Chosen = EVERYBODY, page_rows: int = PAGE
) -> Iterator[list[SubscriberRow]]:
    """Yield the chosen by id; four short queries a page. Raises `UnknownName` when called."""
    return _pages(people(workspace=workspace, chosen=chosen), page_rows)


def _pages(rows: SubscriberQuerySet, page_rows: int) -> Iterator[list[SubscriberRow]]:
    page = list(_columns(rows)[:page_rows])
    while page:
        yield _whole(page)
        if len(page) < page_rows:
            return
        page = list(_columns(rows.filter(pk__gt=page[-1]["pk"]))[:page_rows])


def _columns(rows: SubscriberQuerySet) -> Any:  # noqa: ANN401 - a queryset of dicts
    columns = ("email", "external_id", *profile.NAMES, "status", "created_at", "unsubscribed_at")
    stored_attributes = Cast("attributes", TextField())
    return rows.order_by("pk").values("pk", *columns, stored_attributes=stored_attributes)


def _whole(page: Sequence[Mapping[str, Any]]) -> list[SubscriberRow]:
    ids = [person["pk"] for person in page]
    links = SubscriberTag.objects.filter(subscriber__in=ids)
    tags = _names_by_person(links.values_list("subscriber_id", "tag__name"))
    joined = ListMembership.objects.filter(subscriber__in=ids, unsubscribed_at=None)
    lists = _names_by_person(joined.values_list("subscriber_id", "list__name"))
    lines = ConsentRecord.objects.filter(subscriber__in=ids, kind__in=_AGREED).order_by("pk")
    agreed = {line.subscriber_id: line for line in lines}
    return [
        _row(
            person,
            # Sorted here: databases order texts differently.
            tags=sorted(tags.get(person["pk"], [])),
            lists=sorted(lists.get(person["pk"], [])),
            record=agreed.get(person["pk"]),
        )
        for person in page
    ]


def _row(
    person: Mapping[str, Any], *, tags: list[str], lists: list[str], record: ConsentRecord | None
) -> SubscriberRow:
    return SubscriberRow(
        id=encode("sub", person["pk"]),
        email=person["email"],
        external_id=person["external_id"],
        **{name: person[name] or None for name in profile.NAMES},
        status=person["status"],
        custom_attributes=export_lines.stored(person["stored_attributes"]),
        tags=tags,
        lists=lists,
        created_at=person["created_at"],
        unsubscribed_at=person["unsubscribed_at"],
        consent_at=record.at if record else None,
        consent_ip=record.ip if record else None,
        consent_user_agent=(record.user_agent or None) if record else None,
        consent_method=_method_of(record) if record else None,
    )


def _method_of(record: ConsentRecord) -> str | None:
    """Return how a subscriber agreed; an import stores the file's own word as reason."""
    word = record.reason if record.method == BY_IMPORT else record.method
    return word or None


def _names_by_person(pairs: Any) -> dict[UUID, list[str]]:  # noqa: ANN401 - a queryset of pairs
    names: dict[UUID, list[str]] = {}
    for person_id, name in pairs:
        names.setdefault(person_id, []).append(name)
    return names


def _normal(name: str) -> str:
    try:
        return tag_names.normalise(name)
    except tag_names.InvalidTagName as error:
        raise UnknownName(f"There is no tag {name!r}: it {error}") from error


def _ids(noun: str, rows: QuerySet[Any], names: set[str]) -> list[UUID]:
    wanted = sorted(names)
    found = dict(rows.filter(name__in=wanted).values_list("name", "pk")) if wanted else {}
    for name in wanted:
        if name not in found:
            raise UnknownName(f"There is no {noun} {name!r} in the workspace.")
    return [found[name] for name in wanted]
