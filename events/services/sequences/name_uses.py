"""What uses a tag or a list: sync rules, sequences and segments that would change without it."""

from events.models import SyncRule, SyncRuleTag
from events.services.segments import segments
from events.services.sequences import references
from subscribers.models import List, Tag

MOST_RULES = 10


class InUse(ValueError):
    """Something names what should be deleted."""

    code = "CONFLICT"


def of_tag(tag: Tag) -> list[str]:
    """Return what names a tag, in words; as many queries however many sequences there are."""
    rules = SyncRule.objects.filter(
        pk__in=SyncRuleTag.objects.filter(tag=tag).values("rule")
    ).order_by("trigger_event", "position", "id")
    using = references.using(workspace_id=tag.workspace_id, tag=tag.name)
    return [
        *(f"Sync rule: {rule}" for rule in rules[:MOST_RULES]),
        *(f"Sequence: {sequence}" for sequence in using),
        *segments.reasons_to_keep(workspace_id=tag.workspace_id, tag=tag.name),
    ]


def of_list(chosen: List) -> list[str]:
    """Return what names a list, in words."""
    using = references.using(workspace_id=chosen.workspace_id, list_id=chosen.pk)
    return [
        *(f"Sequence: {sequence}" for sequence in using),
        *segments.reasons_to_keep(workspace_id=chosen.workspace_id, list_id=chosen.pk),
    ]


def refuse_if_used(uses: list[str]) -> None:
    if uses:
        raise InUse(f"It is in use: {'; '.join(uses)}.")
