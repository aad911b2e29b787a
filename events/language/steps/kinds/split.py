"""The step `split`: sends people on by chance, each person always the same way."""

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self
from uuid import UUID

import msgspec
from msgspec.structs import replace

from events.language.fields import Fields, parse_each, text_reader, whole_number_reader
from events.language.steps.kinds.base import LONGEST_ID, BaseStep
from subscribers.wire.payloads import Fault

FEWEST_BRANCHES, MOST_BRANCHES = 2, 10
MOST_WEIGHT = 1000


class Branch(msgspec.Struct, frozen=True, kw_only=True):
    """`next` is the id of a later step, or `exit`; "" until a nested list of steps is placed."""

    id: str
    weight: int
    next: str = ""


class SplitStep(BaseStep, frozen=True):
    """Leads to one of its branches, by their weights."""

    kind: ClassVar = "split"
    is_harmless = True
    has_next = False

    branches: tuple[Branch, ...]

    @classmethod
    def read(cls, fields: Fields) -> Self:
        step = cls(branches=fields.read_nested("branches", _parse_branches, ()))
        ids = [branch.id for branch in step.branches]
        for number, each in enumerate(ids):
            if each in ids[:number]:
                fields.fault(f"branches[{number}].id", f"is the id of another branch too: {each}.")
        return step

    def as_wire(self) -> dict[str, Any]:
        branches = [msgspec.structs.asdict(branch) for branch in self.branches]
        return {**super().as_wire(), "branches": branches}

    @property
    def jumps(self) -> Mapping[str, str]:
        return {f"branches[{n}].next": branch.next for n, branch in enumerate(self.branches)}

    def with_jumps(self, moved: Callable[[str], str]) -> Self:
        branches = (replace(branch, next=moved(branch.next)) for branch in self.branches)
        return replace(self, branches=tuple(branches))

    def branch_of(self, *, subscriber_id: UUID, sequence_id: UUID) -> Branch:
        """Return the person's branch: by a hash, so that a retry or move chooses the same."""
        seed = f"{sequence_id.hex}:{self.id}:{subscriber_id.hex}".encode()
        number = int.from_bytes(hashlib.sha256(seed).digest()[:8])
        left = number % sum(branch.weight for branch in self.branches)
        for branch in self.branches[:-1]:
            left -= branch.weight
            if left < 0:
                return branch
        return self.branches[-1]


def _parse_branches(raw: object, *, path: str) -> tuple[Branch, ...]:
    found = parse_each(
        raw, path=path, parser=_parse_branch, least=FEWEST_BRANCHES, most=MOST_BRANCHES
    )
    return tuple(
        branch if branch.id else replace(branch, id=f"branch-{number}")
        for number, branch in enumerate(found)
    )


def _parse_branch(raw: object, *, path: str) -> Branch:
    fields = Fields(raw, path=path)
    reader = text_reader(LONGEST_ID)
    branch = Branch(
        id=fields.read("id", reader, ""),
        weight=fields.read_needed("weight", whole_number_reader(1, MOST_WEIGHT), 1),
        next=fields.read("next", reader, ""),
    )
    if fields.is_given("steps") == bool(branch.next) and not fields.faults:
        message = "needs either next, the id of a later step or exit, or steps."
        fields.faults.append(Fault(fields.path, message))
    fields.raise_faults()
    return branch
