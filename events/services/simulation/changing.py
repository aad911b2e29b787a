"""Steps that change a person, applied in memory: what `engine.changes` does to rows."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from events.decisions import triggers
from events.decisions.changes import KnownNames
from events.decisions.enrollments import EnrollmentsBySlot, EnrollmentState, Starts
from events.decisions.watched import Watched
from events.language.steps import ChangingStep
from events.models import Enrollment
from events.services.engine import changes
from events.services.engine.loaded_versions import PlacedStep
from events.services.engine.walking import Ended
from events.services.enrollments import audience_changes
from events.services.enrollments import rows as starting
from events.services.simulation.imagined_enrollment import ImaginedEnrollment
from subscribers.models import Subscriber
from subscribers.services.consent.unsubscribing import LEAVING, has_left

STOPPED = Enrollment.Status.STOPPED


def imagine(
    *,
    step: ChangingStep,
    placed: PlacedStep,
    enrollment: ImaginedEnrollment,
    watched: Watched,
    known: Mapping[UUID, KnownNames] | None = None,
    held: EnrollmentsBySlot | None = None,
) -> tuple[dict[str, Any], Ended | None]:
    """Change the imagined person; returns the outcome, and whether that ends this enrollment.

    The outcome is a step run's, with `starts`: the names of other sequences that would start.
    `known` names and `held` enrollments are read where they are not given.
    """
    status = enrollment.subscriber.status
    if known is None:
        known = changes.known_names([(enrollment, step)])
    change = changes.decide(step, enrollment, known, now=enrollment.now)
    ends = _leave(placed, enrollment) if change.is_leaving else None
    starts = Starts()
    if change.tags_added:
        concerned = watched.concerned_by(tag_ids=[tag.id for tag in change.tags_added])
        enrollments = _enrollments_of(enrollment, concerned, held)
        added = change.tags_added
        starts = triggers.starts_of_tags(
            watched=watched, tags_added=added, enrollments=enrollments, status=status
        )
        stops = triggers.stops_of_tags(watched=watched, tags_added=added, enrollments=enrollments)
        if any(each.id == enrollment.row.pk for each in stops):
            ends = Ended(STOPPED, starting.STOP_CONDITION)
    if change.lists_joined:
        list_ids = [each.id for each in change.lists_joined]
        concerned = watched.concerned_by_lists(list_ids)
        enrollments = _enrollments_of(enrollment, concerned, held)
        starts = triggers.starts_of_lists(
            watched=watched,
            list_ids=list_ids,
            is_created=False,
            enrollments=enrollments,
            status=status,
        )
    outcome = dict(change.outcome)
    if starts.started:
        outcome["starts"] = [each.sequence.name for each in starts.started]
    return outcome, ends


def _leave(placed: PlacedStep, enrollment: ImaginedEnrollment) -> Ended | None:
    """Unsubscribe the person; returns how that ends the enrollment, if it does."""
    person = enrollment.subscriber
    if has_left(person):
        return None
    person.unsubscribed_at = enrollment.entered_at
    if person.status in LEAVING:
        person.status = Subscriber.Status.UNSUBSCRIBED
    # An enrollment with a transactional mail ahead goes on.
    if any(each.step.is_urgent for each in enrollment.version.steps[placed.position :]):
        return None
    return Ended(STOPPED, audience_changes.UNSUBSCRIBED)


def _enrollments_of(
    enrollment: ImaginedEnrollment, ids: frozenset[UUID], held: EnrollmentsBySlot | None
) -> EnrollmentsBySlot:
    """Return the person's enrollments of the sequences, the imagined one included."""
    own = EnrollmentState(
        id=enrollment.row.pk,
        sequence_id=enrollment.row.sequence_id,
        status=Enrollment.Status.ACTIVE,
        entry_slot=enrollment.row.entry_slot or "",
    )
    if held is None:
        held = starting.enrollments_of(subscriber_id=enrollment.subscriber.pk, sequence_ids=ids)
    return {**held, own.slot: own}
