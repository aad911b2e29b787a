"""`/sync-rules`: which tags an event gives and takes; read and replaced as a set."""

from collections.abc import Iterator, Sequence
from typing import Annotated, Any

from msgspec import UNSET, UnsetType

from events.decisions.sync_rules import PRODUCT_KEYS
from events.models import SyncRule
from events.services.configuration import sync_rules
from events.services.configuration.sync_rules import RuleSpec
from subscribers.api.calls import Answered, ResourceView, Shape, reads, writes
from subscribers.api.inputs import Inputs, Reads, array_of, inputs, object_of
from subscribers.api.values import TAG_NAME, several
from subscribers.models.api_key import Scope
from subscribers.services.workspaces import workspaces
from subscribers.wire.amounts import counted
from subscribers.wire.payloads import Fault, InvalidField, read_name, read_object

MOST_RULES = 500
MOST_TAGS = 100
# Of the whole set: a statement of SQLite takes some 32,000 values.
MOST_NAMES = 5_000
LONGEST_EVENT = 200
PURCHASE_BYTES = 10_000


def _read_purchase(value: object) -> dict[str, Any]:
    wanted = read_object(value, PURCHASE_BYTES)
    for key, texts in wanted.items():
        if key not in PRODUCT_KEYS:
            raise InvalidField(f"knows only {', '.join(PRODUCT_KEYS)}.")
        is_list = isinstance(texts, list) and bool(texts)
        if not is_list or not all(isinstance(each, str) and each.strip() for each in texts):
            raise InvalidField(f"has in {key} no list of texts.")
    return wanted


EventName = Annotated[
    str,
    Reads(
        lambda value: read_name(value, longest=LONGEST_EVENT),
        {"type": "string", "minLength": 1, "maxLength": LONGEST_EVENT},
    ),
]
Tags = Annotated[list[str], several(TAG_NAME, most=MOST_TAGS)]
Purchase = Annotated[dict[str, Any], Reads(_read_purchase, {"type": "object"})]


@inputs
class Conditions(Inputs):
    requires_tags: Tags | None = None
    requires_not_tags: Tags | None = None
    purchased_product: Purchase | None = None


@inputs
class Actions(Inputs):
    add_tags: Tags | None = None
    remove_tags: Tags | None = None

    def find_faults(self) -> Iterator[Fault]:
        if not self.add_tags and not self.remove_tags:
            yield Fault("addTags", "is needed, or removeTags: the rule would change nothing.")


@inputs
class GivenRule(Inputs):
    trigger_event: EventName
    actions: Annotated[Actions, object_of(Actions)]
    conditions: Annotated[Conditions, object_of(Conditions)] | None = None

    @property
    def spec(self) -> RuleSpec:
        wanted = self.conditions or Conditions()
        return RuleSpec(
            trigger_event=self.trigger_event,
            add=self.actions.add_tags or (),
            remove=self.actions.remove_tags or (),
            requires=wanted.requires_tags or (),
            requires_not=wanted.requires_not_tags or (),
            purchased_product=wanted.purchased_product,
        )


Rules = Annotated[list[GivenRule], array_of(object_of(GivenRule), most=MOST_RULES)]


@inputs
class RuleSet(Inputs):
    """The whole set, in order; an empty one switches rules off, null brings the preset back."""

    sync_rules: Rules | UnsetType | None = UNSET

    def find_faults(self) -> Iterator[Fault]:
        if self.sync_rules is UNSET:
            yield Fault("syncRules", "is missing: [] switches rules off, null means the preset.")
        names = {name for rule in self.sync_rules or () for name in rule.spec.all_names()}
        if len(names) > MOST_NAMES:
            message = f"names {len(names):,} different tags; at most {MOST_NAMES:,} are allowed."
            yield Fault("syncRules", message)


class ConditionsShape(Shape, kw_only=True):
    requires_tags: list[str]
    requires_not_tags: list[str]
    purchased_product: dict[str, list[str]]


class ActionsShape(Shape, kw_only=True):
    add_tags: list[str]
    remove_tags: list[str]


class RuleShape(Shape, kw_only=True):
    trigger_event: str
    conditions: ConditionsShape
    actions: ActionsShape


class RulesAnswer(Answered, kw_only=True):
    """`isDefault`: the rules are those of the preset."""

    sync_rules: list[RuleShape]
    is_default: bool
    message: str

    @property
    def edited(self) -> Shape:
        return self


class SyncRulesView(ResourceView):
    @reads("The sync rules, in order", scope=Scope.SUBSCRIBERS_READ)
    def get(self) -> RulesAnswer:
        return _answer(self)

    @writes(
        "Replace the sync rules",
        scope=Scope.TAGS_WRITE,
        example={
            "syncRules": [
                {"triggerEvent": "order.placed", "actions": {"addTags": ["customer"]}},
            ]
        },
    )
    def put(self, given: RuleSet) -> RulesAnswer:
        workspaces.lock_configuration(workspace_id=self.workspace.pk)
        self.expect(_answer(self).edited)
        specs: Sequence[RuleSpec] = sync_rules.PRESET
        if given.sync_rules is not None:
            specs = [rule.spec for rule in given.sync_rules or ()]
        sync_rules.replace_all(workspace=self.workspace, specs=specs)
        return _answer(self)


def _answer(view: ResourceView) -> RulesAnswer:
    rows = SyncRule.objects.filter(workspace=view.workspace).order_by("position", "id")
    specs = [sync_rules.spec_of(row) for row in rows.prefetch_related("tag_roles__tag")]
    shapes = [_shape(spec) for spec in specs]
    is_default = shapes == [_shape(spec) for spec in sync_rules.PRESET]
    in_force = counted(len(specs), "rule is", "rules are")
    return RulesAnswer(
        sync_rules=shapes,
        is_default=is_default,
        message="The preset is in force." if is_default else f"{in_force} in force.",
    )


def _shape(spec: RuleSpec) -> RuleShape:
    return RuleShape(
        trigger_event=spec.trigger_event,
        conditions=ConditionsShape(
            requires_tags=list(spec.requires),
            requires_not_tags=list(spec.requires_not),
            purchased_product={
                key: list(texts) for key, texts in (spec.purchased_product or {}).items()
            },
        ),
        actions=ActionsShape(add_tags=list(spec.add), remove_tags=list(spec.remove)),
    )
