"""What a form offers while a segment is written: names that the workspace knows."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from events.models import EventDefinition
from subscribers.ids import encode
from subscribers.models import List, Segment, Subscriber, Tag

MOST = 500
# The newest people, whose attributes are looked at.
PEOPLE_SAMPLED = 100


@dataclass(frozen=True, slots=True)
class Suggestions:
    tags: list[str]
    events: list[str]
    # The most common first.
    attributes: list[str]
    # Names by public id.
    lists: dict[str, str]
    segments: dict[str, str]


def of_workspace(*, workspace_id: UUID) -> Suggestions:
    """Return the known names, a limited number of each; five queries."""
    tags = Tag.objects.filter(workspace=workspace_id)
    events = EventDefinition.objects.filter(workspace=workspace_id, is_hidden=False)
    return Suggestions(
        tags=_names(tags),
        events=_names(events),
        attributes=attribute_names(workspace_id=workspace_id),
        lists=_by_id(List.objects.filter(workspace=workspace_id), "lst"),
        segments=_by_id(Segment.objects.filter(workspace=workspace_id), Segment.PREFIX),
    )


def attribute_names(*, workspace_id: UUID) -> list[str]:
    newest = Subscriber.objects.filter(workspace=workspace_id).order_by("-pk")
    documents = newest.values_list("attributes", flat=True)[:PEOPLE_SAMPLED]
    counts = Counter(name for document in documents for name in _paths(document))
    return [name for name, _ in counts.most_common(MOST)]


def _paths(document: Mapping[str, Any], start: str = "") -> Iterator[str]:
    """Yield the names of the values, with dots where they are nested, 20 deep at most."""
    for name, value in document.items():
        if isinstance(value, dict) and value:
            yield from _paths(value, f"{start}{name}.")
        else:
            yield f"{start}{name}"


def _names(rows: Any) -> list[str]:  # noqa: ANN401 - a queryset of rows with a name
    return list(rows.order_by("name").values_list("name", flat=True)[:MOST])


def _by_id(rows: Any, prefix: str) -> dict[str, str]:  # noqa: ANN401 - as above
    found = rows.order_by("name").values_list("pk", "name")[:MOST]
    return {encode(prefix, pk): name for pk, name in found}
