"""Segments: saved, named by others, deleted."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from uuid import UUID

import msgspec
from django.db.models import Q, QuerySet

from events.language import segments as language
from events.language.segments import Group, SegmentFilter
from events.models import AudienceEnrollment, EventDefinition
from events.services.segments import compiling
from subscribers.ids import encode
from subscribers.models import Segment, Tag, Workspace
from subscribers.services.audience import lists
from subscribers.wire.payloads import Fault, InvalidRequest


def root_of(segment: Segment) -> Group:
    return language.parse_root(segment.root)


def members_condition(*, segment: Segment, now: datetime) -> Q:
    """Return who belongs to it, as a condition on subscribers; raises `TooManyReferences`."""
    return compiling.condition(workspace_id=segment.workspace_id, root=root_of(segment), now=now)


def save(*, segment: Segment, root: Group, now: datetime) -> None:
    """Store a new or changed segment with resolved names; raises `InvalidRequest`."""
    resolved_root = resolved(workspace=segment.workspace, root=root, segment_id=segment.pk)
    segment.root = language.as_wire(resolved_root)
    segment.updated_at = now
    segment.save()


def resolved(*, workspace: Workspace, root: Group, segment_id: UUID | None = None) -> Group:
    """Return the tree with each list and segment by id, which survives a renaming.

    Raises `InvalidRequest` for what the workspace does not have, and for a segment that would need
    itself. Up to three queries.
    """
    named = {one.field for _, one in language.walk(root) if one.name}
    known = {
        field: _by_reference(workspace, field) if field in named else {}
        for field in ("list", "segment")
    }
    faults = [
        Fault(f"{path}.value", f"names a {one.field} that is not there: {one.name!r}.")
        for path, one in language.walk(root)
        if one.field in known and one.name and one.name not in known[one.field]
    ]
    if faults:
        raise InvalidRequest(*faults)

    def by_id(one: SegmentFilter) -> SegmentFilter:
        name = known[one.field][one.name] if one.field in known and one.name else one.name
        return msgspec.structs.replace(one, name=name)

    found = language.replaced(root, by_id)
    try:
        needed = compiling.referenced(workspace_id=workspace.pk, root=found)
    except compiling.TooManyReferences as error:
        raise InvalidRequest(Fault("root", f"cannot be asked. {error}")) from error
    if segment_id in needed:
        raise InvalidRequest(Fault("root", "needs this segment itself, which would never end."))
    return found


def names(*, workspace_id: UUID) -> dict[str, str]:
    """Return the names of the workspace's lists and segments by their public ids; two queries."""
    found = {
        encode("lst", pk): name for name, pk in lists.ids_by_name(workspace_id=workspace_id).items()
    }
    rows = Segment.objects.filter(workspace=workspace_id).values_list("pk", "name")
    return {**found, **{encode(Segment.PREFIX, pk): name for pk, name in rows}}


def unknown_names(*, workspace_id: UUID, root: Group) -> Iterator[str]:
    """Yield a warning for each tag and event that the workspace does not have; two queries."""
    for field, rows, words in (
        ("tag", Tag.objects, "There is no tag “{}” yet, so nobody has it."),
        ("event", EventDefinition.objects, "No event “{}” was received yet."),
    ):
        wanted = {one.name for _, one in language.walk(root) if one.field == field and one.name}
        known = rows.filter(workspace=workspace_id, name__in=wanted).values_list("name", flat=True)
        yield from (words.format(name) for name in sorted(wanted.difference(known)))


def using(
    *,
    workspace_id: UUID,
    tag: str = "",
    list_id: UUID | None = None,
    segment_id: UUID | None = None,
) -> list[Segment]:
    """Return the segments that name a tag, list or segment, by name; one query."""
    wanted = {
        "tag": tag,
        "list": encode("lst", list_id) if list_id else "",
        "segment": encode(Segment.PREFIX, segment_id) if segment_id else "",
    }
    rows = Segment.objects.filter(workspace=workspace_id).order_by("name")
    return [
        row for row in rows if any(_names(one, wanted) for _, one in language.walk(root_of(row)))
    ]


def reasons_to_keep(
    *,
    workspace_id: UUID,
    tag: str = "",
    list_id: UUID | None = None,
    segment_id: UUID | None = None,
    most: int = 10,
) -> list[str]:
    """Return what prevents deleting a tag, list or segment: the segments that name it."""
    found = using(workspace_id=workspace_id, tag=tag, list_id=list_id, segment_id=segment_id)
    return [f"Segment: {each}" for each in found[:most]]


def runs_of(segment: Segment) -> QuerySet[AudienceEnrollment]:
    """Return the mass enrollments that still need the segment."""
    return AudienceEnrollment.objects.filter(
        segment=segment, status__in=AudienceEnrollment.UNDER_WAY
    )


def _names(one: SegmentFilter, wanted: Mapping[str, str]) -> bool:
    return bool(one.name) and one.name == wanted.get(one.field)


def _by_reference(workspace: Workspace, field: str) -> dict[str, str]:
    """Return the public ids of the workspace's lists or segments, by name and by id."""
    if field == "list":
        prefix, id_by_name = "lst", lists.ids_by_name(workspace_id=workspace.pk)
    else:
        rows = Segment.objects.filter(workspace=workspace)
        prefix, id_by_name = Segment.PREFIX, dict(rows.values_list("name", "pk"))
    public = {name: encode(prefix, pk) for name, pk in id_by_name.items()}
    return {**public, **{public_id: public_id for public_id in public.values()}}
