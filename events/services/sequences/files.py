"""Sequences from and to files: matched by key, all of a file or nothing."""

from collections.abc import Collection
from collections.abc import Sequence as Several
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.db import transaction

from events.language.specs import SequenceSpec, as_wire, parse_sequence
from events.models import Sequence
from events.services.sequences import references, sequences
from subscribers.models import Workspace
from subscribers.services.audience import tags
from subscribers.services.workspaces import workspaces
from subscribers.wire.payloads import Fault, InvalidRequest


class FileChange(StrEnum):
    CREATED = "created"
    NEW_VERSION = "new version"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """One sequence of a file; `resumed` counts the enrollments that go on since its activation."""

    key: str
    change: FileChange
    is_switched_on: bool
    resumed: int
    warnings: tuple[str, ...]


class UnknownKeys(ValueError):
    code = "NOT_FOUND"


def import_sequences(
    *,
    workspace: Workspace,
    elements: Several[object],
    is_activating: bool,
    now: datetime,
    is_dry_run: bool = False,
) -> list[Imported]:
    """Create or edit each sequence; with `is_activating`, also activate it.

    Atomic; importing the same again changes nothing. Raises `InvalidRequest` with every fault, each
    at its path, as `[2].steps[0].subject`. A dry run is rolled back.
    """
    specs = _parse(elements)
    with transaction.atomic():
        workspaces.lock_configuration(workspace_id=workspace.pk)
        keys = [spec.key for spec in specs]
        rows = Sequence.objects.filter(workspace=workspace, key__in=keys).order_by("id")
        # All at once, before any change.
        sequence_by_key = {each.key: each for each in rows.select_for_update(no_key=True)}
        names = {name for spec in specs for name in references.tags_named(spec)}
        tags.ensure(workspace=workspace, names=names)
        imported: list[Imported] = []
        faults: list[Fault] = []
        for number, spec in enumerate(specs):
            try:
                sequence = sequence_by_key.get(spec.key)
                imported.append(_import(workspace, sequence, spec, is_activating, now))
            except InvalidRequest as error:
                faults += [Fault(f"[{number}].{each.path}", each.message) for each in error.faults]
            except sequences.NotReady as error:
                faults += [Fault(f"[{number}]", f"is not ready: {each}") for each in error.problems]
            except sequences.KeyTaken as error:
                faults.append(Fault(f"[{number}].key", f"is taken: {error}"))
        if faults:
            raise InvalidRequest(*faults)
        if is_dry_run:
            transaction.set_rollback(True)
    return imported


def exported(*, workspace: Workspace, keys: Collection[str] = ()) -> list[dict[str, Any]]:
    """Return sequences in the wire's words, with lists by name, in the order of their keys.

    Without keys, all that are not archived. Raises `UnknownKeys`.
    """
    rows = Sequence.objects.filter(workspace=workspace).select_related("current_version")
    if keys:
        chosen = list(rows.filter(key__in=keys))
        unknown = sorted(set(keys) - {each.key for each in chosen})
        if unknown:
            raise UnknownKeys(f"The workspace has no sequence with the key {', '.join(unknown)}.")
    else:
        chosen = list(rows.exclude(status=Sequence.Status.ARCHIVED))
    return [
        as_wire(references.with_list_names(workspace=workspace, spec=sequences.spec_of(each)))
        for each in sorted(chosen, key=lambda each: each.key)
    ]


def _parse(elements: Several[object]) -> list[SequenceSpec]:
    specs: list[SequenceSpec] = []
    faults: list[Fault] = []
    number_by_key: dict[str, int] = {}
    for number, raw in enumerate(elements):
        try:
            spec = parse_sequence(raw, path=f"[{number}]")
        except InvalidRequest as error:
            faults += error.faults
            continue
        if spec.key in number_by_key:
            message = f"is the key of [{number_by_key[spec.key]}] too: {spec.key}."
            faults.append(Fault(f"[{number}].key", message))
        number_by_key.setdefault(spec.key, number)
        specs.append(spec)
    if faults:
        raise InvalidRequest(*faults)
    return specs


def _import(
    workspace: Workspace,
    known: Sequence | None,
    spec: SequenceSpec,
    is_activating: bool,  # noqa: FBT001 - passed on
    now: datetime,
) -> Imported:
    if known is None:
        sequence = sequences.create(workspace=workspace, spec=spec, now=now)
        change = FileChange.CREATED
    else:
        sequence, version_id = known, known.current_version_id
        is_changed = sequences.edit(sequence=sequence, spec=spec, now=now)
        change = FileChange.CHANGED if is_changed else FileChange.UNCHANGED
        if sequence.current_version_id != version_id:
            change = FileChange.NEW_VERSION
    is_switched_on = is_activating and sequence.status != Sequence.Status.ACTIVE
    resumed = sequences.count_parked(sequence) if is_switched_on else 0
    if is_switched_on:
        sequences.activate(sequence=sequence, now=now)
    found = sequences.readiness(sequence)
    return Imported(
        key=spec.key,
        change=change,
        is_switched_on=is_switched_on,
        resumed=resumed,
        warnings=(*found.problems, *found.warnings),
    )
