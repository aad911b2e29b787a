"""The step `condition`: decides who goes on, and where the others go."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, Self

from msgspec.structs import replace

from events.language.fields import Fields, text_reader
from events.language.filters import Filter, Match
from events.language.steps.kinds.base import EXIT, LONGEST_ID, BaseStep
from events.language.steps.rules import (
    EventRule,
    ListRule,
    Rule,
    TagRule,
    filters_of,
    parse_rules,
    rule_as_wire,
)


class ConditionStep(BaseStep, frozen=True):
    """Goes on when the rules are met; else `exit`, or on with a later step, by its id."""

    kind: ClassVar = "condition"
    is_harmless = True

    rules: tuple[Rule, ...]
    match: Match = "all"
    on_false: str = EXIT

    @classmethod
    def read(cls, fields: Fields) -> Self:
        return cls(
            rules=fields.read_nested("rules", partial(parse_rules, is_stored=fields.is_stored), ()),
            match=fields.read_choice("match", ("all", "any"), "all"),
            on_false=fields.read("onFalse", text_reader(LONGEST_ID), EXIT),
        )

    def as_wire(self) -> dict[str, Any]:
        return {**super().as_wire(), "rules": [rule_as_wire(rule) for rule in self.rules]}

    @property
    def filters_used(self) -> Sequence[Filter]:
        return [each for rule in self.rules for each in filters_of(rule)]

    @property
    def event_names(self) -> Sequence[str]:
        return [rule.event_name for rule in self.rules if isinstance(rule, EventRule)]

    @property
    def tags(self) -> Sequence[str]:
        return [rule.tag for rule in self.rules if isinstance(rule, TagRule)]

    @property
    def lists(self) -> Sequence[tuple[str, str]]:
        return [("rules", rule.list) for rule in self.rules if isinstance(rule, ListRule)]

    def with_lists(self, named: Callable[[str], str]) -> Self:
        rules = (
            replace(rule, list=named(rule.list)) if isinstance(rule, ListRule) else rule
            for rule in self.rules
        )
        return replace(self, rules=tuple(rules))

    @property
    def jumps(self) -> Mapping[str, str]:
        return {**super().jumps, "onFalse": self.on_false}

    def with_jumps(self, moved: Callable[[str], str]) -> Self:
        return replace(super().with_jumps(moved), on_false=moved(self.on_false))
