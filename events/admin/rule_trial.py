"""The result of trying a sync rule, in words: its events, grouped by what the rule would do."""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from events.models import Event
from events.services.configuration import rule_trials
from events.services.configuration.rule_trials import Tried
from events.services.configuration.sync_rules import RuleSpec
from events.wording.reasons import reason_in_words


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    event_name: str
    tried: int
    changing: int
    # What the rule would do, with the events; changes first, then the most frequent.
    groups: list[tuple[str, list[Event]]]


def of(*, workspace_id: UUID, spec: RuleSpec) -> Trial:
    tried = rule_trials.try_out(workspace_id=workspace_id, spec=spec)
    groups: dict[tuple[bool, str], list[Event]] = {}
    for each in tried:
        is_change = bool(each.added or each.removed)
        groups.setdefault((is_change, _words(each)), []).append(each.event)
    in_order = sorted(groups, key=lambda key: (not key[0], -len(groups[key])))
    return Trial(
        event_name=spec.trigger_event,
        tried=len(tried),
        changing=sum(len(events) for (is_change, _), events in groups.items() if is_change),
        groups=[(key[1], groups[key]) for key in in_order],
    )


def _words(tried: Tried) -> str:
    if tried.reason:
        return f"nothing: {reason_in_words(tried.reason)}"
    return "; ".join(_changes(tried)) or "no change: the person has these tags already"


def _changes(tried: Tried) -> Iterator[str]:
    if tried.removed:
        yield f"removes {', '.join(tried.removed)}"
    if tried.added:
        yield f"adds {', '.join(tried.added)}"
