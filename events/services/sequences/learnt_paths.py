"""The paths that an event's properties have: learnt from its newest events.

For suggestions while somebody writes a filter, a condition or a merge tag, and for the page of the
event's definition.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any
from uuid import UUID

from events.language.paths import paths_in
from events.models import Event, EventDefinition

MOST_SAMPLED = 500
# An application may use ids as keys: then each event has other paths.
MOST_PATHS = 300
MOST_VISITED = 50_000
LONGEST_EXAMPLE = 60
ROWS_AT_ONCE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class LearntPath:
    path: str
    # Words for people, the most frequent first: text, number, true/false, list, object, null.
    types: Sequence[str]
    # Of the sampled events, those that have it.
    events: int
    # The newest value, cut.
    example: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LearntPaths:
    """The paths of the sampled events, the most frequent first."""

    sampled: int
    paths: Sequence[LearntPath]


def names_of(*, workspace_id: UUID, event_names: Sequence[str], most_sampled: int) -> list[str]:
    """Return the paths of several events, each once; one query, and one for each event."""
    named = EventDefinition.objects.filter(workspace=workspace_id, name__in=event_names)
    by_name = {each.name: each for each in named}
    known = (by_name[name] for name in event_names if name in by_name)
    found = (paths_of(definition=each, most_sampled=most_sampled).paths for each in known)
    return [*dict.fromkeys(each.path for paths in found for each in paths)]


def paths_of(*, definition: EventDefinition, most_sampled: int = MOST_SAMPLED) -> LearntPaths:
    """Return the paths of the newest events of a name; one query, by the index of the name."""
    newest = Event.objects.filter(definition=definition).order_by("-occurred_at", "-id")
    documents = newest.values_list("properties", flat=True)[:most_sampled]
    types_by_path: dict[str, Counter[str]] = {}
    examples: dict[str, str] = {}
    events: Counter[str] = Counter()
    sampled, left = 0, MOST_VISITED
    for document in documents.iterator(chunk_size=ROWS_AT_ONCE):
        if left <= 0:
            break
        sampled += 1
        seen = set()
        for path, value in islice(paths_in(document), left):
            left -= 1
            if path not in types_by_path and len(types_by_path) == MOST_PATHS:
                continue
            seen.add(path)
            types_by_path.setdefault(path, Counter())[_type(value)] += 1
            examples.setdefault(path, _example(value))
        events.update(seen)
    paths = [
        LearntPath(
            path=path,
            types=[word for word, _ in types.most_common()],
            events=events[path],
            example=examples[path],
        )
        for path, types in types_by_path.items()
    ]
    return LearntPaths(
        sampled=sampled, paths=sorted(paths, key=lambda each: (-each.events, each.path))
    )


def _type(value: Any) -> str:  # noqa: ANN401 - any JSON value
    match value:
        case bool():
            return "true/false"
        case str():
            return "text"
        case int() | float():
            return "number"
        case list():
            return "list"
        case dict():
            return "object"
        case _:
            return "null"


def _example(value: Any) -> str:  # noqa: ANN401 - any JSON value
    match value:
        case bool():
            return "true" if value else "false"
        case str() | int() | float():
            text = str(value)
            return text if len(text) <= LONGEST_EXAMPLE else f"{text[: LONGEST_EXAMPLE - 1]}…"
        case _:
            return ""
