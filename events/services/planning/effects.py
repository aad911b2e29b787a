"""The record of what an event's receipt did and did not do, as it is stored and answered.

Keys, each absent when there is nothing to say; ids are 32 hex digits:
- of rules: `tagsAdded` and `tagsRemoved` (`{tag, tagId, rule}`), `rulesSkipped` (`{rule, reason}`);
- of starts: `sequencesStarted` (`{sequence, sequenceId, enrollment, by, tag?, supersedes?}`; `by`
  is `event` or `tag`, `supersedes` the enrollment that ended for it), `sequencesNotStarted`
  (`{sequence, sequenceId, reason, path?}`);
- of releases and stops: `enrollmentsReleased` and `enrollmentsStopped` (`{sequence, sequenceId,
  enrollment}`);
- `failedStages` (`{stage, error, isTest?}`).
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from events.decisions.enrollments import Ends, EnrollmentState, NotStarted, Reason, Start, Starts
from events.decisions.sync_rules import Rule, RuleEffects, TagChange, TagRef
from events.decisions.watched import Watched, WatchedSequence
from events.models import FailedStage

KEYS_OF_STAGE: Mapping[FailedStage.Stage, frozenset[str]] = {
    FailedStage.Stage.APPLY_SYNC_RULES: frozenset({"tagsAdded", "tagsRemoved", "rulesSkipped"}),
    FailedStage.Stage.TRIGGER_SEQUENCES: frozenset({"sequencesStarted", "sequencesNotStarted"}),
    FailedStage.Stage.RELEASE_WAITS: frozenset({"enrollmentsReleased", "enrollmentsStopped"}),
}


def of_rules(planned: RuleEffects) -> dict[str, Any]:
    return _without_empty(
        {
            "tagsAdded": [_tag_change(change) for change in planned.added],
            "tagsRemoved": [_tag_change(change) for change in planned.removed],
            "rulesSkipped": [
                {"rule": each.rule_id.hex, "reason": each.reason} for each in planned.skipped
            ],
        }
    )


def of_skipped_rules(rules: Iterable[Rule]) -> dict[str, Any]:
    """Return the effects of a historical event: each rule that did not run, and why."""
    skipped = [{"rule": rule.id.hex, "reason": Reason.HISTORICAL.value} for rule in rules]
    return _without_empty({"rulesSkipped": skipped})


def of_starts(starts: Starts) -> dict[str, Any]:
    return _without_empty(
        {
            "sequencesStarted": [_start(each) for each in starts.started],
            "sequencesNotStarted": [_not_started(each) for each in starts.not_started],
        }
    )


def of_ends(ends: Ends, watched: Watched) -> dict[str, Any]:
    return _without_empty(
        {
            "enrollmentsReleased": [_enrollment(each, watched) for each in ends.released],
            "enrollmentsStopped": [_enrollment(each, watched) for each in ends.stopped],
        }
    )


def of_failure(stage: FailedStage.Stage, error: str, *, is_test: bool = False) -> dict[str, Any]:
    """Return the effects of a stage that failed and is kept for a retry."""
    said: dict[str, Any] = {"stage": stage.value, "error": error}
    # The retry must know that the event came with a test key; nothing else stores that.
    return {"failedStages": [{**said, "isTest": True} if is_test else said]}


def is_of_test(effects: Mapping[str, Any]) -> bool:
    return any(each.get("isTest") for each in effects.get("failedStages", []))


def failed_stages_in(effects: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(each["stage"] for each in effects.get("failedStages", []))


def tags_left_by(effects: Mapping[str, Any]) -> list[TagRef]:
    """Return the tags that the event added and did not remove, in order."""
    changes = Counter(each["tagId"] for each in effects.get("tagsAdded", []))
    changes.subtract(each["tagId"] for each in effects.get("tagsRemoved", []))
    names = {each["tagId"]: each["tag"] for each in effects.get("tagsAdded", [])}
    left = [tag_id for tag_id in names if changes[tag_id] > 0]
    return [TagRef(id=UUID(hex=tag_id), name=names[tag_id]) for tag_id in left]


def start_in(effects: Mapping[str, Any], *, sequence_id: UUID) -> Mapping[str, str] | None:
    """Return what the receipt did about a sequence: an entry of either key of starts."""
    said = (*effects.get("sequencesStarted", ()), *effects.get("sequencesNotStarted", ()))
    return next((each for each in said if each["sequenceId"] == sequence_id.hex), None)


def merged(*parts: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    """Return the entries of all parts, in order, by key."""
    together: dict[str, list[Any]] = {}
    for part in parts:
        for key, said in part.items():
            together.setdefault(key, []).extend(said)
    return together


def with_failure(
    effects: Mapping[str, Any], stage: FailedStage.Stage, failure: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the effects with the failure in place of the stage's own entries."""
    rest = {key: value for key, value in effects.items() if key not in KEYS_OF_STAGE[stage]}
    return merged(rest, failure)


def with_retry(
    effects: Mapping[str, Any], stage: FailedStage.Stage, said: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the effects with the results of the stage's retry in place of its failure."""
    others = [each for each in effects.get("failedStages", []) if each["stage"] != stage.value]
    return merged(_without_empty({**effects, "failedStages": others}), said)


def _tag_change(change: TagChange) -> dict[str, str]:
    return {"tag": change.tag.name, "tagId": change.tag.id.hex, "rule": change.rule_id.hex}


def _start(begun: Start) -> dict[str, str]:
    said = {**_named(begun.sequence), "enrollment": begun.enrollment.id.hex, "by": begun.by}
    if begun.by == "tag":
        said["tag"] = begun.name
    return {**said, "supersedes": begun.supersedes.hex} if begun.supersedes else said


def _not_started(refused: NotStarted) -> dict[str, str]:
    said = {**_named(refused.sequence), "reason": refused.reason.value}
    return {**said, "path": refused.path} if refused.path else said


def _enrollment(enrollment: EnrollmentState, watched: Watched) -> dict[str, str]:
    return {**_named(watched.sequences[enrollment.sequence_id]), "enrollment": enrollment.id.hex}


def _named(sequence: WatchedSequence) -> dict[str, str]:
    return {"sequence": sequence.name, "sequenceId": sequence.id.hex}


def _without_empty(parts: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    return {key: value for key, value in parts.items() if value}
