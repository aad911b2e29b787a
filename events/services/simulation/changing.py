"""Steps that change a person, done to values in memory: what `advancing.changes` does to rows."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.conf import settings

from events.decisions import triggers
from events.decisions.enrollments import EnrollmentsBySlot, EnrollmentState, Starts
from events.decisions.sync_rules import TagRef
from events.decisions.watched import Watched
from events.language import steps
from events.models import Enrollment
from events.services.engine.changes import Changing
from events.services.engine.loaded_versions import PlacedStep
from events.services.engine.walking import Ended
from events.services.enrollments import audience_changes
from events.services.enrollments import rows as starting
from events.services.simulation.imagined_enrollment import ImaginedEnrollment
from subscribers.ids import decode
from subscribers.models import List, Subscriber, Tag
from subscribers.services.audience.subscribers import merge_attributes
from subscribers.services.consent.unsubscribing import LEAVING, has_left
from subscribers.wire import json_gate

STOPPED = Enrollment.Status.STOPPED


def imagine(
    *, step: Changing, placed: PlacedStep, enrollment: ImaginedEnrollment, watched: Watched
) -> tuple[dict[str, Any], Ended | None]:
    """Change the imagined person, and return the outcome and whether that ends this very
    enrollment.

    The outcome is a step enrollment's, with `starts`: the names of other sequences that would
    begin.
    """
    match step:
        case steps.UpdateTagsStep():
            return _update_tags(step, enrollment, watched)
        case steps.UpdateListStep():
            return _update_lists(step, enrollment, watched), None
        case steps.UpdateSubscriberStep():
            return _update_subscriber(step, placed, enrollment)


def _update_tags(
    step: steps.UpdateTagsStep, enrollment: ImaginedEnrollment, watched: Watched
) -> tuple[dict[str, Any], Ended | None]:
    named = [*step.remove, *step.add]
    rows = Tag.objects.filter(workspace=enrollment.workspace, name__in=named)
    id_of = dict(rows.values_list("name", "pk"))
    borne = enrollment.tags
    added = [
        TagRef(id=id_of[name], name=name)
        for name in step.add
        if name in id_of and name not in borne
    ]
    removed = [name for name in step.remove if name in id_of and name in borne]
    for name in removed:
        enrollment.tags_by_id.pop(id_of[name], None)
    enrollment.tags_by_id.update({tag.id: tag.name for tag in added})
    enrollments = _enrollments_of(
        enrollment, watched.concerned_by(tag_ids=[tag.id for tag in added])
    )
    starts = triggers.starts_of_tags(
        watched=watched,
        tags_added=added,
        enrollments=enrollments,
        status=enrollment.subscriber.status,
    )
    stopped = triggers.stops_of_tags(watched=watched, tags_added=added, enrollments=enrollments)
    is_stopped = any(each.id == enrollment.row.pk for each in stopped)
    outcome = {
        "tagsAdded": [tag.name for tag in added],
        "tagsRemoved": removed,
        "gone": [name for name in named if name not in id_of],
        "starts": _names(starts),
    }
    ends = Ended(STOPPED, starting.STOP_CONDITION) if is_stopped else None
    return _without_empty(outcome), ends


def _update_lists(
    step: steps.UpdateListStep, enrollment: ImaginedEnrollment, watched: Watched
) -> dict[str, Any]:
    wanted = {reference: decode("lst", reference) for reference in (*step.leave, *step.join)}
    ids = [list_id for list_id in wanted.values() if list_id is not None]
    rows = List.objects.filter(workspace=enrollment.workspace, pk__in=ids)
    name_of = dict(rows.values_list("pk", "name"))
    left = [each for each in _known(step.leave, wanted, name_of) if each in enrollment.list_ids]
    enrollment.list_ids.difference_update(left)
    joined = [
        each for each in _known(step.join, wanted, name_of) if each not in enrollment.list_ids
    ]
    enrollment.list_ids.update(joined)
    starts = Starts()
    if joined:
        starts = triggers.starts_of_lists(
            watched=watched,
            list_ids=joined,
            is_created=False,
            enrollments=_enrollments_of(enrollment, watched.concerned_by_lists(joined)),
            status=enrollment.subscriber.status,
        )
    outcome = {
        "listsJoined": [name_of[each] for each in joined],
        "listsLeft": [name_of[each] for each in left],
        "gone": [each for each, list_id in wanted.items() if list_id not in name_of],
        "starts": _names(starts),
    }
    return _without_empty(outcome)


def _update_subscriber(
    step: steps.UpdateSubscriberStep, placed: PlacedStep, enrollment: ImaginedEnrollment
) -> tuple[dict[str, Any], Ended | None]:
    person = enrollment.subscriber
    changes: dict[str, Any] = {}
    if step.first_name is not None:
        changes["first_name"] = step.first_name
    if step.last_name is not None:
        changes["last_name"] = step.last_name
    outcome: dict[str, Any] = {}
    if step.attributes:
        merged = merge_attributes(person.attributes, step.attributes)
        if len(json_gate.compact(merged)) > settings.MAX_ATTRIBUTES_BYTES:
            outcome["refused"] = "attributes_too_large"
        else:
            changes["attributes"] = merged
    for name, value in changes.items():
        setattr(person, name, value)
    ends = None
    if step.status == "unsubscribed":
        ends = _leave(placed, enrollment)
    elif step.status == "active" and person.status != Subscriber.Status.ACTIVE:
        outcome["refused"] = "not_resubscribed"
    if changes:
        outcome["changed"] = sorted(changes)
    return outcome, ends


def _leave(placed: PlacedStep, enrollment: ImaginedEnrollment) -> Ended | None:
    """Let the person leave who has not; returns how that ends the enrollment, if it does."""
    person = enrollment.subscriber
    if has_left(person):
        return None
    person.unsubscribed_at = enrollment.entered_at
    if person.status in LEAVING:
        person.status = Subscriber.Status.UNSUBSCRIBED
    return (
        None
        if _still_informs(placed, enrollment)
        else Ended(STOPPED, audience_changes.UNSUBSCRIBED)
    )


def _still_informs(placed: PlacedStep, enrollment: ImaginedEnrollment) -> bool:
    """Tell whether a transactional mail is to come, for which the enrollment of one who left goes
    on.
    """
    rest = [each.step for each in enrollment.version.steps[placed.position :]]
    return any(isinstance(step, steps.EmailStep) and step.is_transactional for step in rest)


def _enrollments_of(
    enrollment: ImaginedEnrollment, sequence_ids: frozenset[UUID]
) -> EnrollmentsBySlot:
    """Return the person's enrollments of the sequences, with the imagined one among them."""
    own = EnrollmentState(
        id=enrollment.row.pk,
        sequence_id=enrollment.row.sequence_id,
        status=Enrollment.Status.ACTIVE,
        entry_slot=enrollment.row.entry_slot or "",
    )
    held = starting.enrollments_of(
        subscriber_id=enrollment.subscriber.pk, sequence_ids=sequence_ids
    )
    return {**held, own.slot: own}


def _known(
    references: Sequence[str], wanted: Mapping[str, UUID | None], name_of: Mapping[UUID, str]
) -> list[UUID]:
    ids = (wanted[each] for each in references)
    return [list_id for list_id in ids if list_id is not None and list_id in name_of]


def _names(starts: Starts) -> list[str]:
    return [each.sequence.name for each in starts.started]


def _without_empty(parts: dict[str, list[str]]) -> dict[str, Any]:
    return {key: value for key, value in parts.items() if value}
