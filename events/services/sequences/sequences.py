"""Sequences: created, edited into versions, activated, paused and archived.

Every change bumps the workspace's `config_version` in its transaction, because the write path
caches what starts, stops and releases enrollments. Locks: the workspace's row, the sequence's, then
its parked enrollments; never a subscriber's. So a process that holds a subscriber's lock may wait
for a sequence.
"""

from collections.abc import Iterator
from collections.abc import Sequence as Several
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from events.language.specs import SequenceSpec
from events.language.steps import graph
from events.models import Sequence
from events.services.sequences import entry_slots, parked_enrollments, references, versions, waits
from events.services.sequences.parked_enrollments import count_parked
from events.services.sequences.versions import spec_of, stored
from subscribers.models import Workspace
from subscribers.services.audience import tags
from subscribers.services.workspaces import workspaces

__all__ = [
    "KeyTaken", "NotActive", "NotReady", "Readiness", "activate", "archive", "count_parked",
    "create", "edit", "pause", "problems_of", "readiness", "set_enrollment_paused", "spec_of",
    "unarchive",
]  # fmt: skip


class KeyTaken(ValueError):
    code = "CONFLICT"


class NotReady(ValueError):
    """The sequence cannot be activated; `problems` say what is missing, a sentence each."""

    code = "VALIDATION_ERROR"

    def __init__(self, problems: Several[str]) -> None:
        self.problems = tuple(problems)
        super().__init__(" ".join(self.problems))


class NotActive(ValueError):
    code = "VALIDATION_ERROR"


@dataclass(frozen=True, slots=True)
class Readiness:
    """What prevents activating a sequence, and what may surprise its owner: sentences."""

    problems: tuple[str, ...]
    warnings: tuple[str, ...]


def create(*, workspace: Workspace, spec: SequenceSpec, now: datetime) -> Sequence:
    """Create a draft with its first version; raises `KeyTaken` and `InvalidRequest`. Atomic."""
    wanted = references.resolved(workspace=workspace, spec=spec)
    sequence = Sequence(workspace=workspace, key=spec.key, created_at=now)
    with transaction.atomic():
        workspaces.lock_configuration(workspace_id=workspace.pk)
        _set_columns(sequence, wanted, now)
        try:
            with transaction.atomic():
                sequence.save(force_insert=True)
        except IntegrityError as error:
            message = f"The workspace has another sequence with the key {spec.key}."
            raise KeyTaken(message) from error
        # The engine never adds tags.
        tags.ensure(workspace=workspace, names=references.tags_named(wanted))
        versions.set_current(sequence=sequence, spec=wanted, now=now)
        workspaces.configuration_changed(workspace_id=workspace.pk)
    return sequence


def edit(*, sequence: Sequence, spec: SequenceSpec, now: datetime) -> bool:
    """Make the sequence as described; returns whether that changed anything. Atomic, idempotent.

    Different steps, window, list or sender become a new version; enrollments under way keep theirs.
    The key does not change. Raises `InvalidRequest`, and `NotReady` where an active sequence could
    not be activated as described.
    """
    with _changing(sequence) as locked:
        before = spec_of(locked)
        wanted = references.resolved(workspace=locked.workspace, spec=spec)
        if versions.is_same(wanted, before):
            return False
        is_active = locked.status == Sequence.Status.ACTIVE
        if is_active and (problems := problems_of(workspace=locked.workspace, spec=wanted)):
            raise NotReady(problems)
        _set_columns(locked, wanted, now)
        locked.save()
        tags.ensure(workspace=locked.workspace, names=references.tags_named(wanted))
        if not versions.is_same_version(wanted, before):
            versions.set_current(sequence=locked, spec=wanted, now=now)
        entry_slots.follow_mode(sequence=locked, before=before.enrollment_mode)
        workspaces.configuration_changed(workspace_id=locked.workspace_id)
    return True


def readiness(sequence: Sequence) -> Readiness:
    """Return what prevents activating the sequence; up to six queries."""
    spec = spec_of(sequence)
    workspace = sequence.workspace
    problems = problems_of(workspace=workspace, spec=spec)
    if sequence.status == Sequence.Status.ARCHIVED:
        problems.insert(0, "It is archived: bring it back first.")
    warnings = [
        *references.unseen_paths(workspace=workspace, spec=spec),
        *references.never_received(workspace=workspace, spec=spec),
        *references.entry_without_event(spec),
        *references.kept_list(workspace=workspace, spec=spec),
        *references.slips(spec),
        *waits.sends_at_once(spec),
        *waits.come_before(spec),
        *(f"No way leads to the step {each}." for each in graph.unreachable(spec.steps)),
        *references.missing_address(workspace=workspace, spec=spec),
        *references.missing_way_out(workspace=workspace, spec=spec),
    ]
    return Readiness(problems=tuple(problems), warnings=tuple(warnings))


def problems_of(*, workspace: Workspace, spec: SequenceSpec) -> list[str]:
    """Return what in its description keeps a sequence from running, a sentence each."""
    problems = []
    if not spec.steps:
        problems.append("It has no steps.")
    mails = any(step.texts for step in spec.steps)
    if mails and not (spec.from_email or workspace.from_email):
        problems.append("It sends mail, but neither it nor the workspace has a from address.")
    if missing_name := spec.trigger.missing:
        problems.append(f"It starts with {missing_name}, but names none.")
    if spec.enrollment_mode == "matching_field" and not spec.trigger.facts.comes_with_event:
        problems.append("It lets people in by a field of an event, but its trigger has no event.")
    missing = references.missing_lists(workspace=workspace, spec=spec)
    problems += [f"{field} names a list that is gone." for field in missing]
    return problems


def activate(*, sequence: Sequence, now: datetime, spread: timedelta = timedelta(0)) -> None:
    """Let people in, and resume the parked enrollments, spread evenly over `spread`.

    Atomic, idempotent. Raises `NotReady`.
    """
    with _changing(sequence) as locked:
        found = readiness(locked)
        if found.problems:
            raise NotReady(found.problems)
        if locked.status != Sequence.Status.ACTIVE:
            _update(locked, now, status=Sequence.Status.ACTIVE, paused_at=None, pause_reason="")
        parked_enrollments.resume(sequence=locked, now=now, spread=spread)


def pause(*, sequence: Sequence, now: datetime, reason: str = "") -> None:
    """Close entry, and hold all enrollments where they are. Atomic, idempotent.

    Raises `NotActive` for a draft and an archived sequence.
    """
    with _changing(sequence) as locked:
        if locked.status not in {Sequence.Status.ACTIVE, Sequence.Status.PAUSED}:
            raise NotActive(f"The sequence is {locked.get_status_display().lower()}, not active.")
        if locked.status == Sequence.Status.ACTIVE:
            status = Sequence.Status.PAUSED
            _update(locked, now, status=status, paused_at=now, pause_reason=reason[:200])


def archive(*, sequence: Sequence, now: datetime) -> None:
    with _changing(sequence) as locked:
        if locked.status != Sequence.Status.ARCHIVED:
            held_since = locked.paused_at or now
            _update(locked, now, status=Sequence.Status.ARCHIVED, paused_at=held_since)


def unarchive(*, sequence: Sequence, now: datetime) -> None:
    with _changing(sequence) as locked:
        if locked.status == Sequence.Status.ARCHIVED:
            _update(locked, now, status=Sequence.Status.DRAFT, paused_at=None, pause_reason="")


def set_enrollment_paused(*, sequence: Sequence, is_paused: bool, now: datetime) -> None:
    """Close or reopen entry; enrollments under way go on. Atomic, idempotent."""
    with _changing(sequence) as locked:
        if locked.is_enrollment_paused != is_paused:
            _update(locked, now, is_enrollment_paused=is_paused)


@contextmanager
def _changing(sequence: Sequence) -> Iterator[Sequence]:
    """Yield the sequence, locked after its workspace; refreshes the row that was passed in.

    Enrollments can still refer to it.
    """
    with transaction.atomic():
        workspaces.lock_configuration(workspace_id=sequence.workspace_id)
        yield Sequence.objects.select_for_update(no_key=True, of=("self",)).get(pk=sequence.pk)
    sequence.refresh_from_db()


def _update(locked: Sequence, now: datetime, **columns: object) -> None:
    for name, value in {**columns, "updated_at": now}.items():
        setattr(locked, name, value)
    locked.save(update_fields=[*columns, "updated_at"])
    workspaces.configuration_changed(workspace_id=locked.workspace_id)


def _set_columns(sequence: Sequence, spec: SequenceSpec, now: datetime) -> None:
    trigger = stored(spec.trigger)
    sequence.name = spec.name
    sequence.description = spec.description
    sequence.labels = list(spec.labels)
    sequence.trigger = trigger.pop("type")
    sequence.trigger_config = trigger
    sequence.enrollment_mode = spec.enrollment_mode
    sequence.enrollment_field_path = spec.enrollment_field_path
    sequence.stop_condition = stored(spec.stop_condition)
    sequence.active_subscribers_only = spec.active_subscribers_only
    sequence.runs_while_pending = spec.runs_while_pending
    sequence.updated_at = now
