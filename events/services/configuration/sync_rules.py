"""Sync rules: read for the write path, replaced as a set, and the preset.

Every change adds the tags that the rule names and bumps the workspace's `config_version`, in one
transaction.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.db.models import prefetch_related_objects

from events.decisions import sync_rules
from events.models import SyncRule, SyncRuleTag
from subscribers.models import Tag, Workspace
from subscribers.services.audience import tags
from subscribers.services.workspaces import workspaces
from subscribers.wire import tag_names
from subscribers.wire.names import plain


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSpec:
    """A rule with its tags by name, in any form; `purchased_product` as on the wire."""

    trigger_event: str
    add: Sequence[str] = ()
    remove: Sequence[str] = ()
    requires: Sequence[str] = ()
    requires_not: Sequence[str] = ()
    purchased_product: Mapping[str, Sequence[str]] | None = None

    def names_by_role(self) -> dict[SyncRuleTag.Role, Sequence[str]]:
        return {
            SyncRuleTag.Role.ADD: self.add,
            SyncRuleTag.Role.REMOVE: self.remove,
            SyncRuleTag.Role.REQUIRES: self.requires,
            SyncRuleTag.Role.REQUIRES_NOT: self.requires_not,
        }

    def all_names(self) -> list[str]:
        return [name for names in self.names_by_role().values() for name in names]


PRESET = (
    RuleSpec(
        trigger_event="saas.purchase",
        add=["customer"],
        remove=["lead", "past-due", "cancelled", "churned"],
    ),
    RuleSpec(
        trigger_event="saas.churn", add=["churned"], remove=["customer", "cancelled", "past-due"]
    ),
    RuleSpec(trigger_event="saas.cancelled", add=["cancelled"], remove=["customer"]),
    RuleSpec(trigger_event="saas.payment_failed", add=["past-due"]),
    RuleSpec(trigger_event="saas.refund", add=["refunded"]),
    RuleSpec(trigger_event="saas.trial_started", add=["trial"], remove=["lead"]),
    RuleSpec(trigger_event="saas.trial_ended", remove=["trial"]),
)


def for_events(
    *, workspace_id: UUID, names: Collection[str] | None = None
) -> dict[str, tuple[sync_rules.Rule, ...]]:
    """Return the workspace's rules, all or for the event names, in order, by plain name; two
    queries.
    """
    rows = SyncRule.objects.filter(workspace_id=workspace_id).order_by("position", "id")
    chosen = [row for row in rows if names is None or plain(row.trigger_event) in names]
    prefetch_related_objects(chosen, "tag_roles__tag")
    by_name: dict[str, list[sync_rules.Rule]] = {}
    for row in chosen:
        by_name.setdefault(plain(row.trigger_event), []).append(_as_value(row))
    return {name: tuple(each) for name, each in by_name.items()}


def spec_of(rule: SyncRule) -> RuleSpec:
    """Return the rule with its tags by name; a query, if the tags were not fetched before."""
    links = sorted(rule.tag_roles.all(), key=lambda link: link.position)

    def names_as(role: SyncRuleTag.Role) -> list[str]:
        return [link.tag.name for link in links if link.role == role]

    return RuleSpec(
        trigger_event=rule.trigger_event,
        add=names_as(SyncRuleTag.Role.ADD),
        remove=names_as(SyncRuleTag.Role.REMOVE),
        requires=names_as(SyncRuleTag.Role.REQUIRES),
        requires_not=names_as(SyncRuleTag.Role.REQUIRES_NOT),
        purchased_product=rule.purchased_product,
    )


def replace_all(*, workspace: Workspace, specs: Sequence[RuleSpec]) -> list[SyncRule]:
    """Make the specs the workspace's whole set, in this order; an empty set disables rules."""
    with transaction.atomic():
        # One replacement at a time: two at once would leave the union of both.
        workspaces.lock_configuration(workspace_id=workspace.pk)
        # All at once: tags are made in the order of their names, or others could wait in a circle.
        named = {name for spec in specs for name in spec.all_names()}
        tag_by_name = tags.ensure(workspace=workspace, names=named)
        SyncRule.objects.filter(workspace=workspace).delete()
        created = SyncRule.objects.bulk_create(
            SyncRule(
                workspace=workspace,
                position=position,
                trigger_event=spec.trigger_event,
                purchased_product=spec.purchased_product or None,
            )
            for position, spec in enumerate(specs)
        )
        SyncRuleTag.objects.bulk_create(
            each
            for rule, spec in zip(created, specs, strict=True)
            for each in _tags_of(rule, spec, tag_by_name)
        )
        workspaces.configuration_changed(workspace_id=workspace.pk)
    return created


def save(*, rule: SyncRule, spec: RuleSpec) -> None:
    """Store a new or changed rule, whose position and workspace are set, with its tags."""
    with transaction.atomic():
        workspaces.lock_configuration(workspace_id=rule.workspace_id)
        rule.trigger_event = spec.trigger_event
        rule.purchased_product = spec.purchased_product or None
        rule.save()
        _set_tags(rule=rule, spec=spec)
        workspaces.configuration_changed(workspace_id=rule.workspace_id)


def delete(*, rule: SyncRule) -> None:
    """Delete the rule; the tags stay."""
    with transaction.atomic():
        workspaces.lock_configuration(workspace_id=rule.workspace_id)
        rule.delete()
        workspaces.configuration_changed(workspace_id=rule.workspace_id)


def _set_tags(*, rule: SyncRule, spec: RuleSpec) -> None:
    tag_by_name = tags.ensure(workspace=rule.workspace, names=spec.all_names())
    SyncRuleTag.objects.filter(rule=rule).delete()
    SyncRuleTag.objects.bulk_create(_tags_of(rule, spec, tag_by_name))


def _tags_of(
    rule: SyncRule, spec: RuleSpec, tag_by_name: Mapping[str, Tag]
) -> Iterator[SyncRuleTag]:
    for role, names in spec.names_by_role().items():
        for position, name in enumerate(dict.fromkeys(map(tag_names.normalise, names))):
            yield SyncRuleTag(
                workspace_id=rule.workspace_id,
                rule=rule,
                tag=tag_by_name[name],
                role=role,
                position=position,
            )


def _as_value(row: SyncRule) -> sync_rules.Rule:
    links = sorted(row.tag_roles.all(), key=lambda link: link.position)

    def tags_as(role: SyncRuleTag.Role) -> tuple[sync_rules.TagRef, ...]:
        chosen = [link for link in links if link.role == role]
        return tuple(sync_rules.TagRef(id=each.tag_id, name=each.tag.name) for each in chosen)

    return sync_rules.Rule(
        id=row.id,
        trigger_event=row.trigger_event,
        add=tags_as(SyncRuleTag.Role.ADD),
        remove=tags_as(SyncRuleTag.Role.REMOVE),
        requires=tags_as(SyncRuleTag.Role.REQUIRES),
        requires_not=tags_as(SyncRuleTag.Role.REQUIRES_NOT),
        purchased_product=row.purchased_product,
    )
