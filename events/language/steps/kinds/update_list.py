"""The step `update_list`: a person joins and leaves lists."""

from collections.abc import Callable, Sequence
from typing import ClassVar, Self

from msgspec.structs import replace

from events.language.fields import Fields
from events.language.steps.kinds.base import BaseStep, each_once, read_pair
from events.language.steps.rules import read_list_reference


class UpdateListStep(BaseStep, frozen=True):
    kind: ClassVar = "update_list"

    join: tuple[str, ...] = ()
    leave: tuple[str, ...] = ()

    @classmethod
    def read(cls, fields: Fields) -> Self:
        join, leave = read_pair(fields, "join", "leave", read_list_reference)
        return cls(join=join, leave=leave)

    @property
    def lists(self) -> Sequence[tuple[str, str]]:
        return [
            *(("join", reference) for reference in self.join),
            *(("leave", reference) for reference in self.leave),
        ]

    def with_lists(self, named: Callable[[str], str]) -> Self:
        join, leave = each_once(self.join, named), each_once(self.leave, named)
        return replace(self, join=join, leave=leave)
