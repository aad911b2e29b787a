"""Whether a person would enter a sequence, and why not: asked of what the write path asks."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, assert_never
from uuid import UUID

from events.decisions import triggers
from events.decisions.enrollments import EnrollmentsBySlot, Reason, Seen, Starts
from events.decisions.sync_rules import TagRef
from events.decisions.watched import Watched
from events.language.specs import Trigger, trigger_from_stored
from events.models import Sequence
from events.services.configuration import sync_rules
from events.services.enrollments import rows as starting
from events.services.enrollments.entering import REFUSED
from events.services.planning import planning
from events.services.planning.planning import Standing
from events.services.simulation.people import Someone
from subscribers.ids import decode, new_id
from subscribers.models import List, Subscriber, Tag

# Beside the reasons of an event's effects and of entries by hand.
NOT_TRIGGERED = "not_triggered"
TAG_THERE_ALREADY = "tag_there_already"
NO_LIST_TO_JOIN = "no_list_to_join"


@dataclass(frozen=True, slots=True, kw_only=True)
class AssumedEvent:
    """An event that is taken to come at the beginning."""

    name: str
    properties: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """How the person stands when the enrollment begins; `reason` is a word, empty when they enter.

    `path` is that of the filter that is not met, or of the field that has no value.
    """

    # What happens: an event, a tag, a list, or somebody's hand; and its name.
    by: str
    name: str = ""
    reason: str = ""
    path: str = ""
    slot: str = ""
    event: Seen | None = None
    tags: Mapping[UUID, str]
    list_ids: frozenset[UUID]

    @property
    def would_enter(self) -> bool:
        """Whether an enrollment would begin."""
        return not self.reason


def judge(
    *, sequence: Sequence, someone: Someone, watched: Watched, happening: AssumedEvent | None
) -> Entry:
    """Return whether what happens lets the person in; the trigger's own when nothing is given."""
    trigger = trigger_from_stored(sequence.trigger, sequence.trigger_config)
    enrollments = _enrollments_of(sequence, someone)
    if happening is not None:
        entry = _by_event(sequence, someone, watched, happening, enrollments)
    else:
        match trigger.type:
            case "event_received":
                assumed = AssumedEvent(name=trigger.event_name, properties={})
                entry = _by_event(sequence, someone, watched, assumed, enrollments)
            case "tag_added":
                entry = _by_tag(sequence, someone, watched, trigger, enrollments)
            case "list_joined":
                entry = _by_list(sequence, someone, watched, trigger, enrollments)
            case "manual":
                entry = _by_hand(sequence, someone, watched, enrollments)
            case _:
                assert_never(trigger.type)
    if sequence.status == Sequence.Status.ARCHIVED:
        # Nothing watches for those.
        return replace(entry, reason=Reason.SEQUENCE_NOT_ACTIVE.value, path="")
    return entry


def _enrollments_of(sequence: Sequence, someone: Someone) -> EnrollmentsBySlot:
    if not someone.is_known:
        return {}
    return starting.enrollments_of(subscriber_id=someone.subscriber.pk, sequence_ids=[sequence.pk])


def _by_event(
    sequence: Sequence,
    someone: Someone,
    watched: Watched,
    happening: AssumedEvent,
    enrollments: EnrollmentsBySlot,
) -> Entry:
    """Plan the event, with its sync rules, as its receipt would."""
    event = Seen(id=new_id(), name=happening.name, properties=happening.properties)
    rules = sync_rules.for_events(workspace_id=sequence.workspace_id, names=[event.name])
    plan = planning.plan_event(
        event=event,
        matching=rules.get(event.name, ()),
        watched=watched,
        before=Standing(status=someone.status, tags=someone.tags, enrollments=enrollments),
    )
    entry = Entry(
        by="event",
        name=event.name,
        event=event,
        tags=plan.after.tags,
        list_ids=someone.list_ids,
    )
    return _as_judged(entry, sequence, plan.starts)


def _by_tag(
    sequence: Sequence,
    someone: Someone,
    watched: Watched,
    trigger: Trigger,
    enrollments: EnrollmentsBySlot,
) -> Entry:
    """Put the first of the trigger's tags on that the person does not bear."""
    rows = Tag.objects.filter(workspace=sequence.workspace_id, name__in=trigger.tag_names)
    id_of = dict(rows.values_list("name", "pk"))
    tag = next(
        (
            TagRef(id=id_of[name], name=name)
            for name in trigger.tag_names
            if name in id_of and id_of[name] not in someone.tags
        ),
        None,
    )
    if tag is None:
        names = ", ".join(trigger.tag_names)
        return replace(_unchanged(someone, by="tag"), name=names, reason=TAG_THERE_ALREADY)
    starts = triggers.starts_of_tags(
        watched=watched, tags_added=[tag], enrollments=enrollments, status=someone.status
    )
    entry = replace(
        _unchanged(someone, by="tag"), name=tag.name, tags={**someone.tags, tag.id: tag.name}
    )
    return _as_judged(entry, sequence, starts)


def _by_list(
    sequence: Sequence,
    someone: Someone,
    watched: Watched,
    trigger: Trigger,
    enrollments: EnrollmentsBySlot,
) -> Entry:
    """Let the person join the first of the trigger's lists that they are not on, or be created."""
    is_created = not someone.is_known
    # Whoever is created joins the default lists by that, so these let them in as well.
    joined_before = frozenset() if is_created else someone.list_ids
    named = [list_id for each in trigger.lists if (list_id := decode("lst", each))]
    rows = List.objects.filter(workspace=sequence.workspace_id).order_by("id")
    name_of = dict(rows.values_list("pk", "name"))
    wanted = [each for each in named or name_of if each in name_of and each not in joined_before]
    if not wanted and not (is_created and trigger.scope == "any_contact"):
        return replace(_unchanged(someone, by="list"), reason=NO_LIST_TO_JOIN)
    joined = wanted[:1]
    starts = triggers.starts_of_lists(
        watched=watched,
        list_ids=joined,
        is_created=is_created,
        enrollments=enrollments,
        status=someone.status,
    )
    entry = replace(
        _unchanged(someone, by="list"),
        name=", ".join(name_of[each] for each in joined),
        list_ids=someone.list_ids.union(joined),
    )
    return _as_judged(entry, sequence, starts)


def _by_hand(
    sequence: Sequence, someone: Someone, watched: Watched, enrollments: EnrollmentsBySlot
) -> Entry:
    """Judge as `entries_by_hand` does for active people only, which is how hands do it."""
    entry = _unchanged(someone, by="manual")
    # Being created is what no filter and no name stands before.
    alone = Watched(starts_by_creation=[watched.sequences[sequence.pk]])
    starts = triggers.starts_of_lists(
        watched=alone, list_ids=[], is_created=True, enrollments=enrollments, status=someone.status
    )
    entry = _as_judged(entry, sequence, starts)
    if entry.reason in {"", Reason.ENTERED_BEFORE, Reason.ALREADY_ENROLLED}:
        status = Subscriber.Status(someone.status)
        pending = "subscriber_pending" if someone.is_pending else entry.reason
        return replace(entry, reason=REFUSED.get(status, pending))
    return entry


def _unchanged(someone: Someone, *, by: str) -> Entry:
    return Entry(by=by, tags=someone.tags, list_ids=someone.list_ids)


def _as_judged(entry: Entry, sequence: Sequence, starts: Starts) -> Entry:
    for start in starts.started:
        if start.sequence.id == sequence.pk:
            return replace(entry, slot=start.enrollment.entry_slot)
    for refused in starts.not_started:
        if refused.sequence.id == sequence.pk:
            return replace(entry, reason=refused.reason.value, path=refused.path)
    return replace(entry, reason=NOT_TRIGGERED)
