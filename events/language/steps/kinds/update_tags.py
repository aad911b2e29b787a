"""The step `update_tags`: adds tags to a person and removes tags."""

from collections.abc import Sequence
from typing import ClassVar, Self

from events.language.fields import Fields
from events.language.steps.kinds.base import BaseStep, read_pair
from events.language.steps.rules import read_tag


class UpdateTagsStep(BaseStep, frozen=True):
    """Its tags have their normal names."""

    kind: ClassVar = "update_tags"

    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()

    @classmethod
    def read(cls, fields: Fields) -> Self:
        add, remove = read_pair(fields, "add", "remove", read_tag)
        return cls(add=add, remove=remove)

    @property
    def tags(self) -> Sequence[str]:
        return (*self.remove, *self.add)
