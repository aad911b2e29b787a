"""The record of what an event's receipt did and did not do, as it is stored and answered.

Keys, each absent when there is nothing to say: `tagsAdded` and `tagsRemoved` (`{tag, tagId,
rule}`), `rulesSkipped` (`{rule, reason}`), `failedStages` (`{stage, error}`). Ids are 32 hex
digits.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from events.models import FailedStage
from events.rules import Rule, RuleEffects, TagChange

HISTORICAL = "historical"


def of_rules(planned: RuleEffects) -> dict[str, Any]:
    """Return the effects of the rules that ran."""
    return _without_empty(
        {
            "tagsAdded": [_tag_change(change) for change in planned.added],
            "tagsRemoved": [_tag_change(change) for change in planned.removed],
            "rulesSkipped": [
                {"rule": skipped.rule_id.hex, "reason": skipped.reason}
                for skipped in planned.skipped
            ],
        }
    )


def of_history(rules: Iterable[Rule]) -> dict[str, Any]:
    """Return the effects of an event that is history: each rule that did not run, and why."""
    return _without_empty(
        {"rulesSkipped": [{"rule": rule.id.hex, "reason": HISTORICAL} for rule in rules]}
    )


def of_failure(stage: FailedStage.Stage, error: str) -> dict[str, Any]:
    """Return the effects of an event whose stage failed and is kept for a retry."""
    return {"failedStages": [{"stage": stage.value, "error": error}]}


def failed_stages_in(effects: dict[str, Any]) -> tuple[str, ...]:
    """Return the names of the stages that failed."""
    return tuple(each["stage"] for each in effects.get("failedStages", []))


def _tag_change(change: TagChange) -> dict[str, str]:
    return {"tag": change.tag.name, "tagId": change.tag.id.hex, "rule": change.rule_id.hex}


def _without_empty(parts: dict[str, Sequence[Any]]) -> dict[str, Any]:
    return {key: value for key, value in parts.items() if value}
