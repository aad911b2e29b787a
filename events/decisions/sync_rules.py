"""Sync rules as plain values, and what they do to a set of tags."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

PRODUCT_LISTS = ("products", "items", "lineItems", "line_items")
PRODUCT_KEYS = {
    "tags": ("tags",),
    "collectionIds": ("collectionIds", "collectionId", "collections"),
    "productTypes": ("productType", "productTypes", "type"),
    "vendors": ("vendor", "vendors"),
}


@dataclass(frozen=True, slots=True)
class TagRef:
    id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class Rule:
    """On `trigger_event`, when the conditions hold: remove the `remove` tags, then add `add`."""

    id: UUID
    trigger_event: str
    add: tuple[TagRef, ...] = ()
    remove: tuple[TagRef, ...] = ()
    requires: tuple[TagRef, ...] = ()
    requires_not: tuple[TagRef, ...] = ()
    purchased_product: Mapping[str, Sequence[str]] | None = None


@dataclass(frozen=True, slots=True)
class TagChange:
    tag: TagRef
    rule_id: UUID


@dataclass(frozen=True, slots=True)
class SkippedRule:
    """A rule for this event that did nothing, and why."""

    rule_id: UUID
    reason: str


@dataclass(slots=True)
class RuleEffects:
    """What the rules of one event do, in order; `tags` are the subscriber's afterwards."""

    tags: dict[UUID, str]
    added: list[TagChange] = field(default_factory=list)
    removed: list[TagChange] = field(default_factory=list)
    skipped: list[SkippedRule] = field(default_factory=list)

    def net_added(self, *, before: Iterable[UUID]) -> list[UUID]:
        return sorted(set(self.tags).difference(before))

    def net_removed(self, *, before: Iterable[UUID]) -> list[UUID]:
        return sorted(set(before).difference(self.tags))


def apply(
    *, rules: Iterable[Rule], tags: Mapping[UUID, str], properties: Mapping[str, Any]
) -> RuleEffects:
    """Return what the rules do; each sees the result of the rule before it."""
    effects = RuleEffects(tags=dict(tags))
    for rule in rules:
        reason = _reason_to_skip(rule, effects.tags, properties)
        if reason:
            effects.skipped.append(SkippedRule(rule_id=rule.id, reason=reason))
            continue
        for tag in rule.remove:
            if effects.tags.pop(tag.id, None) is not None:
                effects.removed.append(TagChange(tag=tag, rule_id=rule.id))
        for tag in rule.add:
            if tag.id not in effects.tags:
                effects.tags[tag.id] = tag.name
                effects.added.append(TagChange(tag=tag, rule_id=rule.id))
    return effects


def _reason_to_skip(
    rule: Rule, tags: Mapping[UUID, str], properties: Mapping[str, Any]
) -> str | None:
    if any(tag.id not in tags for tag in rule.requires):
        return "required_tag_missing"
    if any(tag.id in tags for tag in rule.requires_not):
        return "excluded_tag_present"
    if rule.purchased_product and not _names_product(properties, rule.purchased_product):
        return "product_not_matched"
    return None


def _names_product(properties: Mapping[str, Any], wanted: Mapping[str, Sequence[str]]) -> bool:
    """Return whether one product of the event meets every given key with at least one value."""
    return any(
        all(
            {value.casefold() for value in values} & _values_of(product, PRODUCT_KEYS[key])
            for key, values in wanted.items()
            if key in PRODUCT_KEYS and values
        )
        for product in _products_in(properties)
    )


def _products_in(properties: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the products that an event names: in a list, as `product`, or at the top."""
    listed = [
        product
        for key in PRODUCT_LISTS
        if isinstance(properties.get(key), list)
        for product in properties[key]
    ]
    single = properties.get("product")
    return [each for each in (*listed, single, properties) if isinstance(each, dict)]


def _values_of(product: Mapping[str, Any], keys: Iterable[str]) -> set[str]:
    found: set[str] = set()
    for key in keys:
        value = product.get(key)
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, str) or (isinstance(each, int) and not isinstance(each, bool)):
                found.add(str(each).casefold())
    return found
