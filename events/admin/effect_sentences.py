"""An event's effects as sentences, each linked to the tag and the rule that it names."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString

from config.admin_base import link_to
from config.readable import json_value
from events.models import Event, SyncRule
from subscribers.models import Tag

REASONS = {
    "required_tag_missing": "a tag that it requires was missing",
    "excluded_tag_present": "a tag that it excludes was there",
    "product_not_matched": "no product of the event matched",
    "historical": "the event was history when it arrived",
}
TOLD = {"tagsAdded", "tagsRemoved", "rulesSkipped", "failedStages"}


def sentences(event: Event) -> Iterator[SafeString]:
    """Tell what the receipt of the event did and did not do; two queries."""
    effects: Mapping[str, Any] = event.effects
    changes = [*effects.get("tagsRemoved", ()), *effects.get("tagsAdded", ())]
    skipped = effects.get("rulesSkipped", ())
    tags = _links(Tag, event, [each["tagId"] for each in changes])
    rules = _links(SyncRule, event, [each["rule"] for each in [*changes, *skipped]])
    for key, verb in (("tagsRemoved", "taken off"), ("tagsAdded", "put on")):
        for change in effects.get(key, ()):
            tag = tags.get(change["tagId"], change["tag"])
            yield format_html("Tag {} was {} by {}.", tag, verb, _rule(rules, change["rule"]))
    for each in skipped:
        reason = REASONS.get(each["reason"], each["reason"])
        yield format_html("{} did nothing: {}.", _rule(rules, each["rule"]), reason)
    for failed in effects.get("failedStages", ()):
        yield format_html("The stage {} failed: {}", failed["stage"], failed["error"])
    for key in effects.keys() - TOLD:
        yield format_html("{}: {}", key, json_value(effects[key]))


def _links(
    model: type[Tag] | type[SyncRule], event: Event, hex_ids: list[str]
) -> dict[str, SafeString]:
    if not hex_ids:
        return {}
    rows = model._default_manager.filter(workspace_id=event.workspace_id, pk__in=set(hex_ids))
    return {row.pk.hex: link_to(row) for row in rows}


def _rule(rules: Mapping[str, SafeString], hex_id: str) -> SafeString:
    if hex_id in rules:
        return format_html("the rule “{}”", rules[hex_id])
    return format_html("a rule that is gone ({})", hex_id)
