"""The result of trying a sync rule, in words."""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from django.utils.safestring import SafeString

from config.readable import sentence
from events.models import Event
from events.services.configuration import rule_trials
from events.services.configuration.rule_trials import MOST_EVENTS, Tried
from events.services.configuration.sync_rules import RuleSpec
from events.wording.reasons import reason_in_words


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    event_name: str
    changing: int
    # Each event with what the rule would do.
    lines: list[tuple[Event, SafeString]]
    most: int = MOST_EVENTS


def of(*, workspace_id: UUID, spec: RuleSpec) -> Trial:
    tried = rule_trials.try_out(workspace_id=workspace_id, spec=spec)
    return Trial(
        event_name=spec.trigger_event,
        changing=sum(bool(each.added or each.removed) for each in tried),
        lines=[(each.event, sentence("{}.", _words(each))) for each in tried],
    )


def _words(tried: Tried) -> str:
    if tried.reason:
        return f"Nothing: {reason_in_words(tried.reason)}"
    return "; ".join(_changes(tried)) or "Nothing: the person's tags are so already"


def _changes(tried: Tried) -> Iterator[str]:
    if tried.removed:
        yield f"removes {', '.join(tried.removed)}"
    if tried.added:
        yield f"adds {', '.join(tried.added)}"
