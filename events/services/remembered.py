"""What a process remembers of a workspace, so that most requests need not ask for it.

Two kinds: rules and default lists, good for one `config_version`; and the ids of definitions,
which never change once they are committed. Fill it outside of the request's own
transaction only: what is rolled back later must not stay in here.
"""

import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from events.models import EventDefinition
from events.rules import Rule
from events.services import sync_rules
from subscribers.models import Workspace
from subscribers.services import lists

MOST_DEFINITIONS = 200_000
MOST_WORKSPACES = 10_000


@dataclass(slots=True)
class Remembered:
    """One workspace as it was at `config_version`."""

    config_version: int
    rules_by_name: Mapping[str, Sequence[Rule]]
    default_list_ids: Sequence[UUID]
    definition_ids: dict[str, UUID] = field(default_factory=dict)

    def has_no_effects(self, names: Collection[str]) -> bool:
        """Tell whether events of these names can set off nothing."""
        return not any(name in self.rules_by_name for name in names)


_lock = threading.Lock()
_by_workspace: dict[UUID, Remembered] = {}


def of(workspace: Workspace, *, names: Collection[str]) -> Remembered | None:
    """Return what is known of the workspace, or None when one of the names is not defined yet.

    `workspace` was read by this request; costs a few queries at most, and none when all is known.
    """
    known = _by_workspace.get(workspace.pk)
    if known is None or known.config_version != workspace.config_version:
        known = _read_configuration(workspace, known)
    missing = [name for name in names if name not in known.definition_ids]
    if missing:
        found = EventDefinition.objects.filter(workspace=workspace, name__in=missing)
        known.definition_ids.update(found.values_list("name", "pk"))
        if any(name not in known.definition_ids for name in missing):
            return None
    return known


def forget(workspace_id: UUID) -> None:
    """Drop what is known of a workspace, since the database disagreed with it."""
    with _lock:
        _by_workspace.pop(workspace_id, None)


def count() -> int:
    """Return how many definitions are remembered."""
    with _lock:
        return sum(len(each.definition_ids) for each in _by_workspace.values())


def _read_configuration(workspace: Workspace, known: Remembered | None) -> Remembered:
    # The version was read before the rest: newer rules under an older version are read again.
    fresh = Remembered(
        config_version=workspace.config_version,
        rules_by_name=sync_rules.for_events(workspace_id=workspace.pk),
        default_list_ids=lists.default_ids(workspace_id=workspace.pk),
        definition_ids=known.definition_ids if known else {},
    )
    with _lock:
        held = sum(len(each.definition_ids) for each in _by_workspace.values())
        if held > MOST_DEFINITIONS or len(_by_workspace) >= MOST_WORKSPACES:
            _by_workspace.clear()
        _by_workspace[workspace.pk] = fresh
    return fresh
