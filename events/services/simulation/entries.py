"""Whether a person would enter a sequence, and why not; decided as the write path decides."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, assert_never
from uuid import UUID

from events.decisions import triggers
from events.decisions.enrollments import EnrollmentsBySlot, Reason, Seen, Starts
from events.decisions.sync_rules import TagRef
from events.decisions.watched import Watched
from events.language.entry import Trigger, trigger_from_stored
from events.models import Sequence
from events.services.configuration import sync_rules
from events.services.enrollments import rows as starting
from events.services.enrollments.entering import REFUSED
from events.services.planning import planning
from events.services.planning.planning import Standing
from events.services.simulation.people import Someone
from subscribers.ids import decode, new_id
from subscribers.models import List, Subscriber, Tag
from subscribers.wire.names import plain

# Besides the reasons of an event's effects, and of entries by an operator.
NOT_TRIGGERED = "not_triggered"
TAG_THERE_ALREADY = "tag_there_already"
NO_LIST_TO_JOIN = "no_list_to_join"


@dataclass(frozen=True, slots=True, kw_only=True)
class AssumedEvent:
    name: str
    properties: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """How the person stands when the enrollment begins; `reason` is empty when they enter.

    `path` is that of the filter that is not met, or of the field that has no value.
    """

    # What happens: an event, a tag, a list, or an operator's action; and its name.
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
        return not self.reason


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    sequence: Sequence
    trigger: Trigger
    someone: Someone
    watched: Watched
    enrollments: EnrollmentsBySlot

    def judged(self, starts: Starts, **changes: Any) -> Entry:
        """Return the entry as decided; `changes` are its other fields."""
        entry = self.unchanged(**changes)
        for start in starts.started:
            if start.sequence.id == self.sequence.pk:
                return replace(entry, slot=start.enrollment.entry_slot)
        for refused in starts.not_started:
            if refused.sequence.id == self.sequence.pk:
                return replace(entry, reason=refused.reason.value, path=refused.path)
        return replace(entry, reason=NOT_TRIGGERED)

    def unchanged(self, **fields: Any) -> Entry:
        """Return an entry with the person's tags and lists, apart from `fields`."""
        return Entry(**{"tags": self.someone.tags, "list_ids": self.someone.list_ids, **fields})


def judge(
    *, sequence: Sequence, someone: Someone, watched: Watched, happening: AssumedEvent | None
) -> Entry:
    """Return whether the person enters by the event, or without one by the sequence's trigger."""
    trigger = trigger_from_stored(sequence.trigger, sequence.trigger_config)
    case = _Case(
        sequence=sequence,
        trigger=trigger,
        someone=someone,
        watched=watched,
        enrollments=starting.enrollments_of(
            subscriber_id=someone.subscriber.pk,
            sequence_ids=[sequence.pk] if someone.is_known else (),
            with_entry=watched.compares_entry,
        ),
    )
    if happening is not None:
        entry = _by_event(case, happening)
    else:
        match trigger.type:
            case "event_received":
                entry = _by_event(case, AssumedEvent(name=trigger.event_name, properties={}))
            case "tag_added":
                entry = _by_tag(case)
            case "list_joined":
                entry = _by_list(case)
            case "manual":
                entry = _by_operator(case)
            case _:
                assert_never(trigger.type)
    if sequence.status == Sequence.Status.ARCHIVED:
        # Nothing starts an archived sequence.
        return replace(entry, reason=Reason.SEQUENCE_NOT_ACTIVE.value, path="")
    return entry


def _by_event(case: _Case, happening: AssumedEvent) -> Entry:
    """Plan the event with its sync rules, as on receipt."""
    event = Seen(id=new_id(), name=plain(happening.name), properties=happening.properties)
    workspace_id, someone = case.sequence.workspace_id, case.someone
    rules = sync_rules.for_events(workspace_id=workspace_id, names=[event.name])
    plan = planning.plan_event(
        event=event,
        matching=rules.get(event.name, ()),
        watched=case.watched,
        before=Standing(status=someone.status, tags=someone.tags, enrollments=case.enrollments),
    )
    return case.judged(plan.starts, by="event", name=event.name, event=event, tags=plan.after.tags)


def _by_tag(case: _Case) -> Entry:
    """Add the first of the trigger's tags that the person does not have."""
    named, held = case.trigger.tag_names, case.someone.tags
    rows = Tag.objects.filter(workspace=case.sequence.workspace_id, name__in=named)
    id_of = dict(rows.values_list("name", "pk"))
    new = [name for name in named if name in id_of and id_of[name] not in held]
    if not new:
        return case.unchanged(by="tag", name=", ".join(named), reason=TAG_THERE_ALREADY)
    tag = TagRef(id=id_of[new[0]], name=new[0])
    starts = triggers.starts_of_tags(
        watched=case.watched,
        tags_added=[tag],
        enrollments=case.enrollments,
        status=case.someone.status,
    )
    return case.judged(starts, by="tag", name=tag.name, tags={**held, tag.id: tag.name})


def _by_list(case: _Case) -> Entry:
    """Add the person to the first of the trigger's lists that they are not on, or create them."""
    trigger, someone = case.trigger, case.someone
    is_created = not someone.is_known
    # A person who is created joins the default lists, so these let them in as well.
    joined_before = frozenset() if is_created else someone.list_ids
    named = [list_id for each in trigger.lists if (list_id := decode("lst", each))]
    rows = List.objects.filter(workspace=case.sequence.workspace_id).order_by("id")
    name_of = dict(rows.values_list("pk", "name"))
    wanted = [each for each in named or name_of if each in name_of and each not in joined_before]
    if not wanted and not (is_created and trigger.scope == "any_contact"):
        return case.unchanged(by="list", reason=NO_LIST_TO_JOIN)
    joined = wanted[:1]
    starts = triggers.starts_of_lists(
        watched=case.watched,
        list_ids=joined,
        is_created=is_created,
        enrollments=case.enrollments,
        status=someone.status,
    )
    names = ", ".join(name_of[each] for each in joined)
    return case.judged(starts, by="list", name=names, list_ids=someone.list_ids.union(joined))


def _by_operator(case: _Case) -> Entry:
    """Decide as `entering.enroll` does for active people only."""
    # No filter or name applies to the creation of a person.
    alone = Watched(starts_by_creation=[case.watched.sequences[case.sequence.pk]])
    starts = triggers.starts_of_lists(
        watched=alone,
        list_ids=[],
        is_created=True,
        enrollments=case.enrollments,
        status=case.someone.status,
    )
    entry = case.judged(starts, by="manual")
    if any(each.supersedes for each in starts.started):
        # An operator's entry ends nothing, also where a newer start does.
        entry = replace(entry, reason=Reason.ALREADY_ENROLLED.value)
    if entry.reason in {"", Reason.ENTERED_BEFORE, Reason.ALREADY_ENROLLED}:
        status = Subscriber.Status(case.someone.status)
        is_held = case.someone.is_pending and not case.sequence.runs_while_pending
        pending = "subscriber_pending" if is_held else entry.reason
        return replace(entry, reason=REFUSED.get(status, pending))
    return entry
