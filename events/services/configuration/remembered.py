"""A process's cache of workspaces, so that most requests need no query for their configuration.

It holds rules, default lists and sequences, valid for one `config_version`, and the ids of
definitions, which never change after their commit. Fill it outside the request's own transaction
only: rows that are rolled back must not stay in it.
"""

import threading
from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass, field
from uuid import UUID

from events.decisions.sync_rules import Rule
from events.decisions.watched import Watched
from events.models import EventDefinition
from events.services.configuration import sync_rules, watched_sequences
from subscribers.models import Workspace
from subscribers.services.audience import lists

MOST_DEFINITIONS = 200_000
MOST_WORKSPACES = 10_000


@dataclass(slots=True)
class Remembered:
    """One workspace as it was at `config_version`."""

    config_version: int
    rules_by_name: Mapping[str, Sequence[Rule]]
    default_list_ids: Sequence[UUID]
    watched: Watched
    definition_ids: dict[str, UUID] = field(default_factory=dict)
    # The names of events that can trigger something.
    effective_names: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        self.effective_names = self.watched.event_names().union(self.rules_by_name)

    def has_no_effects(self, names: Set[str]) -> bool:
        """Tell whether events with these names can trigger nothing."""
        return self.effective_names.isdisjoint(names)


_lock = threading.Lock()
_by_workspace: dict[UUID, Remembered] = {}


def of(workspace: Workspace, *, names: Collection[str]) -> Remembered | None:
    """Return the workspace's cache, or None when one of the names is not defined yet.

    `workspace` was read by this request. At most a few queries; none when all is cached.
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


def watched_now(*, workspace_id: UUID) -> Watched:
    """Return what the workspace's sequences watch for, as the database has it now.

    One query when the cache is current. Safe inside a transaction, since it fills nothing.
    """
    versions = Workspace.objects.filter(pk=workspace_id).values_list("config_version", flat=True)
    known = _by_workspace.get(workspace_id)
    if known is not None and known.config_version == versions.get():
        return known.watched
    return watched_sequences.read(workspace_id=workspace_id)


def forget(workspace_id: UUID) -> None:
    """Drop a workspace's cache, which disagreed with the database."""
    with _lock:
        _by_workspace.pop(workspace_id, None)


def count() -> int:
    with _lock:
        return sum(len(each.definition_ids) for each in _by_workspace.values())


def _read_configuration(workspace: Workspace, known: Remembered | None) -> Remembered:
    # The version was read before the rest: newer rules under an older version are read again.
    fresh = Remembered(
        config_version=workspace.config_version,
        rules_by_name=sync_rules.for_events(workspace_id=workspace.pk),
        default_list_ids=lists.default_ids(workspace_id=workspace.pk),
        watched=watched_sequences.read(workspace_id=workspace.pk),
        definition_ids=known.definition_ids if known else {},
    )
    with _lock:
        held = sum(len(each.definition_ids) for each in _by_workspace.values())
        if held > MOST_DEFINITIONS or len(_by_workspace) >= MOST_WORKSPACES:
            _by_workspace.clear()
        _by_workspace[workspace.pk] = fresh
    return fresh
