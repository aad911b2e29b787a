"""What a sync rule would do with the newest events of its name; nothing is written."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from events.decisions import sync_rules as decisions
from events.decisions.enrollments import Reason
from events.decisions.sync_rules import Rule, TagRef
from events.models import Event
from events.services.configuration.sync_rules import RuleSpec
from subscribers.ids import new_id
from subscribers.models import SubscriberTag, Tag
from subscribers.wire.names import plain
from subscribers.wire.tag_names import normalise

MOST_EVENTS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """An event, and what the rule would do; without a `reason` or a tag it changes nothing."""

    event: Event
    added: Sequence[str] = ()
    removed: Sequence[str] = ()
    # Why the rule would not apply, a word of the glossary.
    reason: str = ""


def try_out(*, workspace_id: UUID, spec: RuleSpec) -> list[Tried]:
    """Try the rule, alone, on the newest events; three queries.

    It sees the tags that the people have now: those of the time of an event are not kept.
    """
    named = Event.objects.filter(
        definition__workspace=workspace_id, definition__name=plain(spec.trigger_event)
    )
    newest = named.select_related("subscriber").order_by("-occurred_at", "-id")
    events = list(newest[:MOST_EVENTS])
    rule = _as_value(workspace_id, spec)
    refs = {ref.id: ref.name for ref in (*rule.add, *rule.remove, *rule.requires)}
    refs |= {ref.id: ref.name for ref in rule.requires_not}
    links = SubscriberTag.objects.filter(
        subscriber__in={event.subscriber_id for event in events}, tag__in=refs
    )
    tags_by_person: dict[UUID, dict[UUID, str]] = {}
    for person_id, tag_id in links.values_list("subscriber", "tag"):
        tags_by_person.setdefault(person_id, {})[tag_id] = refs[tag_id]
    return [_tried(event, rule, tags_by_person.get(event.subscriber_id, {})) for event in events]


def _tried(event: Event, rule: Rule, tags: dict[UUID, str]) -> Tried:
    if event.is_historical:
        return Tried(event=event, reason=Reason.HISTORICAL.value)
    done = decisions.apply(rules=[rule], tags=tags, properties=event.properties)
    if done.skipped:
        return Tried(event=event, reason=done.skipped[0].reason)
    return Tried(
        event=event,
        added=[change.tag.name for change in done.added],
        removed=[change.tag.name for change in done.removed],
    )


def _as_value(workspace_id: UUID, spec: RuleSpec) -> Rule:
    """Return the rule with its tags by id; tags that are not there yet get an id for now."""
    names = [normalise(name) for name in spec.all_names()]
    known = Tag.objects.filter(workspace_id=workspace_id, name__in=names)
    id_by_name = dict(known.values_list("name", "pk"))

    def refs(given: Sequence[str]) -> tuple[TagRef, ...]:
        each_once = dict.fromkeys(map(normalise, given))
        return tuple(TagRef(id_by_name.setdefault(name, new_id()), name) for name in each_once)

    return Rule(
        id=new_id(),
        trigger_event=spec.trigger_event,
        add=refs(spec.add),
        remove=refs(spec.remove),
        requires=refs(spec.requires),
        requires_not=refs(spec.requires_not),
        purchased_product=spec.purchased_product,
    )
