"""Subscribers on their way out of a workspace, page by page.

Each page is read by itself, in short queries without locks, from where the one before it ended:
memory stays constant, and an export of hours holds nobody up. People who come or change meanwhile
may be in it as they are before or after; nobody is in it twice.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from django.db.models import Exists, OuterRef, QuerySet, TextField
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
    """The workspace has no tag or list of a name that the export was narrowed to."""

    code = "NOT_FOUND"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Who is exported: everybody for whom all of this holds."""

    subscriber_id: UUID | None = None
    # One of these; none: whatever the status.
    statuses: tuple[str, ...] = ()
    # All of these, in any form of their names.
    tags: tuple[str, ...] = ()
    # On all of these now, by their exact names.
    lists: tuple[str, ...] = ()
    # Created from then on, and before then.
    since: datetime | None = None
    before: datetime | None = None


EVERYBODY = Chosen()


class SubscriberRow(msgspec.Struct, frozen=True, kw_only=True, gc=False, rename="camel"):
    """One subscriber, in the columns that `import_subscribers` reads; `id` is for reading only."""

    id: str
    email: str
    external_id: str | None
    first_name: str | None
    last_name: str | None
    status: str
    custom_attributes: dict[str, Any]
    tags: list[str]
    # The names of those that the person is on now.
    lists: list[str]
    timezone: str | None
    created_at: datetime
    unsubscribed_at: datetime | None
    # The latest line of the ledger that says that the person agreed.
    consent_at: datetime | None
    consent_ip: str | None
    consent_user_agent: str | None
    consent_method: str | None


def people(*, workspace: Workspace, chosen: Chosen) -> SubscriberQuerySet:
    """Return the chosen ones, in no order; raises `UnknownName`."""
    rows = Subscriber.objects.in_workspace(workspace)
    if chosen.subscriber_id is not None:
        rows = rows.filter(pk=chosen.subscriber_id)
    if chosen.statuses:
        rows = rows.filter(status__in=chosen.statuses)
    if chosen.since is not None:
        rows = rows.filter(created_at__gte=chosen.since)
    if chosen.before is not None:
        rows = rows.filter(created_at__lt=chosen.before)
    for tag_id in _tag_ids(workspace, chosen.tags):
        links = SubscriberTag.objects.filter(subscriber=OuterRef("pk"), tag=tag_id)
        rows = rows.filter(Exists(links))
    for list_id in _list_ids(workspace, chosen.lists):
        places = ListMembership.objects.filter(
            subscriber=OuterRef("pk"), list=list_id, unsubscribed_at=None
        )
        rows = rows.filter(Exists(places))
    return rows


def subscriber_pages(
    *, workspace: Workspace, chosen: Chosen = EVERYBODY, page_rows: int = PAGE
) -> Iterator[list[SubscriberRow]]:
    """Yield the chosen ones, in the order in which they came; four short queries a page.

    Raises `UnknownName`, before the first page.
    """
    rows = people(workspace=workspace, chosen=chosen)
    return _pages(rows, page_rows)


def _pages(rows: SubscriberQuerySet, page_rows: int) -> Iterator[list[SubscriberRow]]:
    page = list(_columns(rows)[:page_rows])
    while page:
        yield _whole(page)
        if len(page) < page_rows:
            return
        page = list(_columns(rows.filter(pk__gt=page[-1]["pk"]))[:page_rows])


def _columns(rows: SubscriberQuerySet) -> Any:  # noqa: ANN401 - a queryset of dicts
    return rows.order_by("pk").values(
        "pk",
        "email",
        "external_id",
        *profile.NAMES,
        "status",
        "created_at",
        "unsubscribed_at",
        stored_attributes=Cast("attributes", TextField()),
    )


def _whole(page: Sequence[Mapping[str, Any]]) -> list[SubscriberRow]:
    """Return the people of a page with what other tables have of them."""
    ids = [person["pk"] for person in page]
    bearing = SubscriberTag.objects.filter(subscriber__in=ids)
    tags = _names_by_person(bearing.values_list("subscriber_id", "tag__name"))
    joined = ListMembership.objects.filter(subscriber__in=ids, unsubscribed_at=None)
    lists = _names_by_person(joined.values_list("subscriber_id", "list__name"))
    lines = ConsentRecord.objects.filter(subscriber__in=ids, kind__in=_AGREED).order_by("pk")
    agreed = {line.subscriber_id: line for line in lines}
    return [
        _row(
            person,
            # Sorted here: each database has an order of texts of its own.
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
    """Return by what somebody agreed; a file that was imported says it in its own words."""
    word = record.reason if record.method == BY_IMPORT else record.method
    return word or None


def _names_by_person(pairs: Any) -> dict[UUID, list[str]]:  # noqa: ANN401 - a queryset of pairs
    names: dict[UUID, list[str]] = {}
    for person_id, name in pairs:
        names.setdefault(person_id, []).append(name)
    return names


def _tag_ids(workspace: Workspace, names: Sequence[str]) -> list[UUID]:
    return _ids("tag", Tag.objects.filter(workspace=workspace), {_normal(name) for name in names})


def _normal(name: str) -> str:
    try:
        return tag_names.normalise(name)
    except tag_names.InvalidTagName as error:
        raise UnknownName(f"There is no tag {name!r}: it {error}") from error


def _list_ids(workspace: Workspace, names: Sequence[str]) -> list[UUID]:
    return _ids("list", List.objects.filter(workspace=workspace), set(names))


def _ids(noun: str, rows: QuerySet[Any], names: set[str]) -> list[UUID]:
    wanted = sorted(names)
    found = dict(rows.filter(name__in=wanted).values_list("name", "pk")) if wanted else {}
    for name in wanted:
        if name not in found:
            raise UnknownName(f"There is no {noun} {name!r} in the workspace.")
    return [found[name] for name in wanted]
