"""Makes a segment's conditions a condition on `Subscriber`, the same on both databases."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Value
from django.db.models.functions import StrIndex
from django.db.models.lookups import GreaterThan

from events.language import segments
from events.language.segments import Field, Group, SegmentFilter
from events.language.segments.attributes import Test
from events.language.segments.filters import EMPTINESS, NEGATIONS
from events.models import Event, EventDefinition
from events.services.segments.attribute_test import AttributeMeets, Folded
from subscribers.ids import decode
from subscribers.models import (
    ListMembership,
    MailActivity,
    OutgoingEmail,
    Segment,
    Subscriber,
    SubscriberTag,
    Tag,
)
from subscribers.models.subscriber import SubscriberQuerySet

# Segments in segments: how deep, and how many in all.
MOST_REFERENCE_DEPTH = 3
MOST_REFERENCES = 10
NOBODY = Q(pk__in=[])
_TESTS: Mapping[str, Test] = {
    "is": "is", "is_not": "is", "contains": "contains", "not_contains": "contains",
    "is_empty": "is_not_empty", "is_not_empty": "is_not_empty",
    "gt": "gt", "gte": "gte", "lt": "lt", "lte": "lte",
}  # fmt: skip
_BOUNCED = Q(kind=MailActivity.Kind.BOUNCED)
# By field, or by operator.
_FACTS: Mapping[str, Q] = {
    "emailDelivered": Q(kind=MailActivity.Kind.DELIVERED),
    "emailOpened": Q(kind=MailActivity.Kind.OPENED),
    "emailClicked": Q(kind=MailActivity.Kind.CLICKED),
    "emailBounced": _BOUNCED,
    "emailComplained": Q(kind=MailActivity.Kind.COMPLAINED),
    "is_temporary_bounce": _BOUNCED & Q(bounce_type=MailActivity.BounceType.SOFT),
    "is_permanent_bounce": _BOUNCED & Q(bounce_type=MailActivity.BounceType.HARD),
}


class TooManyReferences(ValueError):
    """Segments name segments too deeply, in a circle, or too many."""

    def __init__(self, message: str, *, code: str) -> None:
        self.code = code
        super().__init__(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """The rows that the filters name."""

    now: datetime
    tag_by_name: Mapping[str, UUID]
    definition_by_name: Mapping[str, UUID]
    root_by_id: Mapping[UUID, Group]


def people(*, workspace_id: UUID, root: Group, now: datetime) -> SubscriberQuerySet:
    """Return who matches, unordered; up to three queries to look names up.

    Raises `TooManyReferences`.
    """
    rows = Subscriber.objects.filter(workspace=workspace_id)
    return rows.filter(condition(workspace_id=workspace_id, root=root, now=now))


def condition(*, workspace_id: UUID, root: Group, now: datetime) -> Q:
    """Return who matches as a condition on subscribers of the workspace; as `people`."""
    root_by_id = referenced(workspace_id=workspace_id, root=root)
    filters = [each for group in (root, *root_by_id.values()) for _, each in segments.walk(group)]
    tags = {each.name for each in filters if each.field == "tag" and each.name}
    events = {each.name for each in filters if each.field == "event"}
    known = _Known(
        now=now,
        tag_by_name=_ids(Tag.objects.filter(workspace=workspace_id), tags),
        definition_by_name=_ids(EventDefinition.objects.filter(workspace=workspace_id), events),
        root_by_id=root_by_id,
    )
    return _of_group(root, known)


def referenced(*, workspace_id: UUID, root: Group) -> dict[UUID, Group]:
    """Return the conditions of all segments that a tree names, and those of theirs.

    At most one query. Raises `TooManyReferences`.
    """
    if not any(_references(root)):
        return {}
    stored = dict(Segment.objects.filter(workspace=workspace_id).values_list("pk", "root"))
    found: dict[UUID, Group] = {}

    def follow(group: Group, depth: int) -> None:
        for segment_id in _references(group):
            if depth > MOST_REFERENCE_DEPTH:
                message = f"Segments name segments more than {MOST_REFERENCE_DEPTH} deep."
                raise TooManyReferences(message, code="SEGMENT_REFERENCE_DEPTH_EXCEEDED")
            if segment_id in stored and segment_id not in found:
                found[segment_id] = segments.parse_root(stored[segment_id])
            if len(found) > MOST_REFERENCES:
                message = f"It needs more than {MOST_REFERENCES} other segments."
                raise TooManyReferences(message, code="SEGMENT_REFERENCE_COUNT_EXCEEDED")
            if segment_id in found:
                follow(found[segment_id], depth + 1)

    follow(root, 1)
    return found


def _references(group: Group) -> Iterator[UUID]:
    for _, each in segments.walk(group):
        segment_id = Segment.id_in(each.name) if each.field == "segment" else None
        if segment_id:
            yield segment_id


def _ids(rows: QuerySet[Any], names: set[str]) -> dict[str, UUID]:
    return dict(rows.filter(name__in=names).values_list("name", "pk")) if names else {}


def _of_group(group: Group, known: _Known) -> Q:
    conditions = [
        _of_group(each, known) if isinstance(each, Group) else _of_filter(each, known)
        for each in group.children
    ]
    whole = conditions[0]
    for each in conditions[1:]:
        whole = whole & each if group.join == "and" else whole | each
    return whole


def _of_filter(one: SegmentFilter, known: _Known) -> Q:
    """Return the condition; `is_empty` is the opposite of having any."""
    positive = _CONDITIONS[one.field](one, known)
    return ~positive if one.operator in NEGATIONS else positive


def _status(one: SegmentFilter, known: _Known) -> Q:  # noqa: ARG001 - as the others
    return Q(status=one.name)


def _tag(one: SegmentFilter, known: _Known) -> Q:
    links = SubscriberTag.objects.filter(subscriber=OuterRef("pk"))
    return _linked(links, one, tag=known.tag_by_name.get(one.name))


def _list(one: SegmentFilter, known: _Known) -> Q:  # noqa: ARG001 - as the others
    places = ListMembership.objects.filter(subscriber=OuterRef("pk"), unsubscribed_at=None)
    return _linked(places, one, list=decode("lst", one.name))


def _segment(one: SegmentFilter, known: _Known) -> Q:
    root = known.root_by_id.get(Segment.id_in(one.name) or UUID(int=0))
    return _of_group(root, known) if root else NOBODY


def _email(one: SegmentFilter, known: _Known) -> Q:  # noqa: ARG001 - as the others
    is_whole = one.operator in {"is", "is_not"}
    return Q(email_key=one.name) if is_whole else _has_part("email", one.name)


def _provider(one: SegmentFilter, known: _Known) -> Q:  # noqa: ARG001 - as the others
    return ~NOBODY if _is_about_any(one) else Q(email_key__endswith=f"@{one.name}")


def _name(one: SegmentFilter, known: _Known) -> Q:  # noqa: ARG001 - as the others
    column = "first_name" if one.field == "firstName" else "last_name"
    return ~Q(**{column: ""}) if _is_about_any(one) else _has_part(column, one.name)


def _added(one: SegmentFilter, known: _Known) -> Q:
    since = known.now - timedelta(hours=one.hours or 0)
    is_newer = one.operator == "less_than"
    return Q(created_at__gt=since) if is_newer else Q(created_at__lt=since)


def _attribute(one: SegmentFilter, known: _Known) -> Q:  # noqa: ARG001 - as the others
    test = _TESTS[one.operator]
    return Q(AttributeMeets("attributes", name=one.name, test=test, wanted=one.text))


def _event(one: SegmentFilter, known: _Known) -> Q:
    definition = known.definition_by_name.get(one.name)
    events = Event.objects.filter(subscriber=OuterRef("pk"), definition=definition)
    return _happened(events, one, known, at="occurred_at") if definition else NOBODY


def _email_sent(one: SegmentFilter, known: _Known) -> Q:
    sent = OutgoingEmail.objects.filter(_kind(one), status=OutgoingEmail.Status.SENT)
    return _happened(sent.filter(subscriber=OuterRef("pk")), one, known, at="sent_at")


def _mail_became(one: SegmentFilter, known: _Known) -> Q:
    """Return whether so many mails were delivered, opened and so on, each at its first time.

    A machine's opens and clicks are not the person's.
    """
    fact = _FACTS[one.operator if one.operator in _FACTS else one.field]
    facts = MailActivity.objects.filter(fact).exclude(quality=MailActivity.Quality.MACHINE)
    if one.count == 1:
        own = facts.filter(_kind(one, "email__"), subscriber=OuterRef("pk"))
        return _happened(own, one, known, at="at")
    # A mail with several facts, such as two clicked links, is one mail. (SQLite leaves out the
    # DISTINCT of an EXISTS, so mails are looked for, not distinct facts.)
    of_mail = Exists(facts.filter(_in_window(one, known, at="at"), email=OuterRef("pk")))
    mails = OutgoingEmail.objects.filter(_kind(one), of_mail, subscriber=OuterRef("pk"))
    return Q(Exists(mails[one.count - 1 : one.count]))


def _kind(one: SegmentFilter, prefix: str = "") -> Q:
    no_confirmation = ~Q(**{f"{prefix}kind": OutgoingEmail.Kind.CONFIRMATION})
    return Q(**{f"{prefix}kind": one.name}) if one.name else no_confirmation


def _is_about_any(one: SegmentFilter) -> bool:
    return one.operator in EMPTINESS


def _linked(links: QuerySet[Any], one: SegmentFilter, **wanted: UUID | None) -> Q:
    """Return whether a link exists: to anything, or to the row that the filter names."""
    if _is_about_any(one):
        return Q(Exists(links))
    return NOBODY if None in wanted.values() else Q(Exists(links.filter(**wanted)))


def _has_part(column: str, part: str) -> Q:
    return Q(GreaterThan(StrIndex(Folded(F(column)), Value(segments.fold(part))), 0))


def _happened(rows: QuerySet[Any], one: SegmentFilter, known: _Known, *, at: str) -> Q:
    """Return whether there are so many rows: the last one needed is looked for, none is counted."""
    rows = rows.filter(_in_window(one, known, at=at))
    return Q(Exists(rows if one.count == 1 else rows[one.count - 1 : one.count]))


def _in_window(one: SegmentFilter, known: _Known, *, at: str) -> Q:
    if one.hours is None:
        return Q()
    return Q(**{f"{at}__gte": known.now - timedelta(hours=one.hours)})


_CONDITIONS: Mapping[Field, Callable[[SegmentFilter, _Known], Q]] = {
    "status": _status,
    "tag": _tag,
    "list": _list,
    "segment": _segment,
    "email": _email,
    "emailProvider": _provider,
    "firstName": _name,
    "lastName": _name,
    "added": _added,
    "attribute": _attribute,
    "event": _event,
    "emailSent": _email_sent,
    "emailDelivered": _mail_became,
    "emailOpened": _mail_became,
    "emailClicked": _mail_became,
    "emailBounced": _mail_became,
    "emailComplained": _mail_became,
}
