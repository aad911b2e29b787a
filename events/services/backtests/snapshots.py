"""A sequence as it was when a backtest was asked for: stored as JSON, and compiled once a slice."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from events.decisions.changes import KnownNames
from events.decisions.watched import Watched
from events.language import steps
from events.language.steps.kinds.base import BaseStep
from events.language.timing import SendingWindow
from events.models import Backtest, EventDefinition, Sequence
from events.services.configuration import watched_sequences
from events.services.engine.loaded_versions import LoadedVersion, PlacedStep
from events.services.sequences import versions
from subscribers.ids import new_id
from subscribers.models import Workspace
from subscribers.wire.names import plain

COLUMNS = (
    "trigger", "trigger_config", "enrollment_mode", "enrollment_field_path", "stop_condition",
    "active_subscribers_only", "runs_while_pending",
)  # fmt: skip


def taken(sequence: Sequence) -> dict[str, Any]:
    """Return what a backtest needs of the sequence; a draft's version may be deleted meanwhile."""
    spec = versions.spec_of(sequence)
    return {
        "sequence": {name: getattr(sequence, name) for name in COLUMNS},
        "window": versions.stored(spec.sending_window),
        "mail_list": spec.mail_list,
        "steps": [step.as_wire() for step in spec.steps],
    }


@dataclass(slots=True)
class Compiled:
    """A backtest's sequence as the decisions and the walk take it."""

    workspace: Workspace
    sequence_id: UUID
    version: LoadedVersion
    watched: Watched
    since: datetime
    until: datetime
    # Plain names by the ids of the definitions that matter.
    names: Mapping[UUID, str]
    # What starts and stops enrollments; the others are looked up by steps.
    decisive: frozenset[str]
    # Names of events that a condition asks for at any time.
    asked_ever: frozenset[str]
    # The tags and lists that steps name; read on first use.
    known: Mapping[UUID, KnownNames] | None = field(default=None)

    @property
    def trigger_definitions(self) -> list[UUID]:
        starting = {key for (type_, key) in self.watched.starts if type_ == "event_received"}
        return [row_id for row_id, name in self.names.items() if name in starting]


def compiled(run: Backtest) -> Compiled:
    """Return the snapshot of a run, as if it were active; a few queries."""
    snapshot = run.snapshot
    placed = tuple(
        PlacedStep(row_id=new_id(), position=place, step=steps.from_stored(config))
        for place, config in enumerate(snapshot["steps"])
    )
    version = LoadedVersion(
        id=new_id(),
        sequence_id=run.sequence_id,
        steps=placed,
        place_of_row={each.row_id: each.position for each in placed},
        place_of_key={each.step.id: each.position for each in placed},
        sending_window=msgspec.convert(snapshot["window"], SendingWindow | None),
        mail_list=snapshot["mail_list"],
        from_email="",
        from_name="",
        reply_to="",
    )
    row = Sequence(
        id=run.sequence_id,
        workspace_id=run.workspace_id,
        status=Sequence.Status.ACTIVE,
        current_version_id=version.id,
        **snapshot["sequence"],
    )
    watched = watched_sequences.assemble(
        [row],
        first_steps={version.id: (placed[0].row_id, placed[0].lane)} if placed else {},
        # What waits is walked, and finds its events in memory.
        waits={},
        tag_ids=watched_sequences.tag_ids_of([row]),
        list_names={},
    )
    decisive = frozenset(watched.event_names())
    asked, asked_ever = _asked(placed)
    return Compiled(
        workspace=run.workspace,
        sequence_id=run.sequence_id,
        version=version,
        watched=watched,
        since=run.since,
        until=run.until,
        names=_definitions(run.workspace_id, decisive | asked),
        decisive=decisive,
        asked_ever=asked_ever,
    )


def _asked(placed: tuple[PlacedStep, ...]) -> tuple[frozenset[str], frozenset[str]]:
    """Return the names that steps look for, and those of them that they look for at any time."""
    asked, ever = set(), set()
    for each in placed:
        match each.step:
            case steps.WaitForEventStep():
                asked.add(plain(each.step.event_name))
            case steps.ConditionStep():
                for rule in each.step.rules:
                    if isinstance(rule, steps.EventRule):
                        asked.add(plain(rule.event_name))
                        if rule.since == "ever":
                            ever.add(plain(rule.event_name))
            case _:
                continue
    return frozenset(asked), frozenset(ever)


def _definitions(workspace_id: UUID, names: frozenset[str]) -> dict[UUID, str]:
    # As release 0.2.0 stored some, a name may have signs that are not seen.
    rows = EventDefinition.objects.filter(workspace=workspace_id, name__in=names)
    return {row_id: plain(name) for row_id, name in rows.values_list("pk", "name")}


def uses_today(run: Backtest) -> list[str]:
    """Return what the sequence asks that history does not hold, so that it is as it is today."""
    snapshot = run.snapshot
    found = [step for each in snapshot["steps"] for step in _person_facts(steps.from_stored(each))]
    found += ["lists"] if snapshot["mail_list"] else []
    return list(dict.fromkeys(found))


def _person_facts(step: BaseStep) -> list[str]:
    match step:
        case steps.ConditionStep():
            kinds = {
                steps.TagRule: "tags", steps.ListRule: "lists", steps.AttributeRule: "attributes",
            }  # fmt: skip
            return [kinds[type(rule)] for rule in step.rules if type(rule) in kinds]
        case steps.DelayStep() if getattr(step.delay, "source", "") == "subscriber":
            return ["attributes"]
        case _:
            return []
