"""Replays one person's events: who enters when, what each enrollment does, and what ends it.

The write path's decisions take each event, and the engine's walk does what falls due between them.
"""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from events.decisions import triggers
from events.decisions.enrollments import EnrollmentsBySlot, EnrollmentState, Seen
from events.language import steps
from events.models import Enrollment, StepRun
from events.services.backtests.person_events import PastEvent, PersonEvents, ReplayedEnrollment
from events.services.backtests.snapshots import Compiled
from events.services.engine import changes, mails
from events.services.engine.claimed import Shared
from events.services.engine.loaded_versions import PlacedStep
from events.services.engine.walking import Ended
from events.services.enrollments import rows as starting
from events.services.planning import planning
from events.services.planning.planning import NO_ENDS, Standing
from events.services.simulation import changing
from events.services.simulation.imagined_enrollment import ImaginedEnrollment
from events.services.simulation.paths import Awaited, Visit, Walker
from subscribers.models import Subscriber
from subscribers.services.consent.suppressions import SUPPRESSED

Status = Enrollment.Status


@dataclass(slots=True)
class Entered:
    """One enrollment: its mails as moments with the places of their steps, and how it ended.

    A status under way means that it had not ended when the recorded time did.
    """

    at: datetime
    mails: list[tuple[datetime, int]] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    status: str = Status.ACTIVE
    reason: str = ""


@dataclass(slots=True)
class Replay:
    """What one person's events came to; refusals by reason and path."""

    entered: list[Entered] = field(default_factory=list)
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonToday:
    """A person as they are today, with their events; `shared` is that of many people."""

    subscriber: Subscriber
    is_suppressed: bool
    shared: Shared
    events: PersonEvents


def replay(compiled: Compiled, person: PersonToday) -> Replay:
    """Return what the sequence would have done; reads at most the tags and lists of `shared`."""
    life = _Life(compiled, person)
    for event in person.events.rows:
        if event.at >= compiled.since and event.name in compiled.decisive:
            life.receive(event)
    life.end()
    return life.replay


class _Walker(Walker):
    """Carries steps out in memory; mails are not rendered, and webhooks answer well."""

    def __init__(
        self, enrollment: ReplayedEnrollment, compiled: Compiled, person: PersonToday
    ) -> None:
        super().__init__(enrollment, compiled.watched, Awaited.TIMEOUT)
        self.compiled = compiled
        self.person = person

    def mail(self, visit: Visit, step: steps.EmailStep) -> Visit:
        reason = mails.reason_to_skip(enrollment=self.enrollment, kind=mails.kind_of(step))
        if reason is None and self.person.is_suppressed:
            reason = SUPPRESSED
        if reason is None:
            return visit
        skipped = replace(visit, ended_at=visit.began_at, status=StepRun.Status.SKIPPED)
        return replace(skipped, outcome={"reason": reason})

    def call(self, visit: Visit, step: steps.WebhookStep) -> Visit:  # noqa: ARG002 - as the base
        return visit

    def change(
        self, step: steps.ChangingStep, placed: PlacedStep
    ) -> tuple[dict[str, Any], Ended | None]:
        compiled = self.compiled
        if compiled.known is None:
            every = [each.step for each in compiled.version.steps]
            changing_steps = [each for each in every if isinstance(each, steps.ChangingStep)]
            compiled.known = changes.known_names(
                [(self.enrollment, each) for each in changing_steps]
            )
        return changing.imagine(
            step=step,
            placed=placed,
            enrollment=self.enrollment,
            watched=compiled.watched,
            known=compiled.known,
            held={},
        )


class _Life:
    """One person's enrollments of the sequence, while time goes on."""

    def __init__(self, compiled: Compiled, person: PersonToday) -> None:
        self.compiled = compiled
        self.person = person
        self.replay = Replay()
        self.enrollments: EnrollmentsBySlot = {}
        self.under_way: dict[UUID, tuple[_Walker | None, Entered]] = {}

    def receive(self, event: PastEvent) -> None:
        """Carry out what is due, then decide about the event as its receipt does.

        The decisions of `planning.plan_event`, without rules and without its account of them, which
        takes half of its time.
        """
        watched = self.compiled.watched
        if not self.under_way and not watched.starting("event_received", event.name):
            return
        self._go_on_until(event.at)
        seen = Seen(id=event.id, name=event.name, properties=event.properties)
        status, held = self.person.subscriber.status, self.enrollments
        starts = triggers.starts_of_event(
            watched=watched, event=seen, tags_added=(), enrollments=held, status=status
        )
        for refused in starts.not_started:
            self.replay.refused[refused.reason.value, refused.path] += 1
        ends = NO_ENDS
        if self.under_way:
            left = {slot: each for slot, each in held.items() if each.id not in starts.superseded}
            ends = triggers.ends_of_event(
                watched=watched, event=seen, tags_added=(), enrollments=left
            )
            self._stop(starts.superseded, starting.SUPERSEDED)
            self._stop([each.id for each in ends.stopped], starting.STOP_CONDITION)
        self.enrollments = planning.standing_after(
            event=seen,
            watched=watched,
            before=Standing(status=status, enrollments=held),
            tags={},
            starts=starts,
            ends=ends,
        ).enrollments
        for start in starts.started:
            self._begin(start.enrollment, seen, event.at)

    def end(self) -> None:
        """Carry out what is due until the recorded time ends."""
        self._go_on_until(self.compiled.until)
        for walker, entered in self.under_way.values():
            if walker is not None:
                self._note(entered, walker)
                entered.status = Status.WAITING

    def _begin(self, state: EnrollmentState, event: Seen, at: datetime) -> None:
        entered = Entered(at)
        self.replay.entered.append(entered)
        if state.status == Status.WAITING_CONFIRMATION:
            entered.status = Status.WAITING_CONFIRMATION
            self.under_way[state.id] = (None, entered)
            return
        compiled, person = self.compiled, self.person.subscriber
        enrollment = ReplayedEnrollment(
            row=Enrollment(
                id=state.id,
                workspace_id=person.workspace_id,
                sequence_id=compiled.sequence_id,
                version_id=compiled.version.id,
                subscriber_id=person.pk,
                entry_slot=state.entry_slot,
                step_id=state.step_id,
                started_by_id=event.id,
                step_since=at,
                entered_at=at,
            ),
            version=compiled.version,
            subscriber=person,
            workspace=compiled.workspace,
            shared=self.person.shared,
            now=at,
            started_by=event,
            events=self.person.events,
        )
        self.under_way[state.id] = (_Walker(enrollment, compiled, self.person), entered)

    def _go_on_until(self, moment: datetime) -> None:
        for row_id, (walker, entered) in list(self.under_way.items()):
            if walker is None:
                continue
            while walker.ending is None and _is_before(walker.enrollment, moment):
                walker.go_on()
            if walker.ending is not None:
                del self.under_way[row_id]
                self._note(entered, walker)
                entered.status, entered.reason = walker.ending.status, walker.ending.reason
                self._let_go(row_id, entered.status)

    def _let_go(self, row_id: UUID, status: str) -> None:
        """Free the slot of an enrollment that has ended, except where people enter once."""
        sequence = self.compiled.watched.sequences[self.compiled.sequence_id]
        kept = {}
        for slot, each in self.enrollments.items():
            if each.id != row_id:
                kept[slot] = each
            elif sequence.is_one_time:
                kept[slot] = msgspec.structs.replace(each, status=status)
        self.enrollments = kept

    def _stop(self, row_ids: Collection[UUID], reason: str) -> None:
        for row_id in row_ids:
            walker, entered = self.under_way.pop(row_id)
            if walker is not None:
                self._note(entered, walker)
            entered.status, entered.reason = Status.STOPPED, reason

    def _note(self, entered: Entered, walker: _Walker) -> None:
        for visit in _mails_of(walker):
            if visit.status == StepRun.Status.SKIPPED:
                entered.skipped[visit.outcome["reason"]] += 1
            else:
                entered.mails.append((visit.ended_at, visit.placed.position))


def _is_before(enrollment: ImaginedEnrollment, moment: datetime) -> bool:
    """Tell whether its next work falls due before the events of a moment."""
    return enrollment.now < moment or (enrollment.now == moment and not enrollment.is_woken)


def _mails_of(walker: _Walker) -> Iterator[Visit]:
    return (each for each in walker.visits if isinstance(each.placed.step, steps.EmailStep))
