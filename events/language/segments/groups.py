"""The tree of a segment: groups of filters and groups, each joined by `and` or `or`."""

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any, Literal

import msgspec

from events.language.fields import Fields, text_reader
from events.language.segments.filters import LONGEST_ID, SegmentFilter, filter_as_wire, parse_filter
from subscribers.wire.nearest import did_you_mean
from subscribers.wire.payloads import Fault, InvalidRequest

MOST_DEPTH = 5
MOST_FILTERS = 50
ROOT = "root"
Join = Literal["and", "or"]
_NAMES = {
    "group": ("id", "kind", "joinOperator", "children"),
    "filter": ("id", "kind", "field", "operator", "value"),
}


class Group(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    join: Join
    children: "tuple[SegmentFilter | Group, ...]"


def parse_root(raw: object, *, path: str = ROOT) -> Group:
    """Return the group that a segment is; raises `InvalidRequest` with every fault."""
    numbers = count(1)
    faults: list[Fault] = []
    found = _parse(raw, path=path, depth=1, numbers=numbers, faults=faults)
    if isinstance(found, SegmentFilter):
        faults.append(Fault(path, "must be a group of filters, with joinOperator and children."))
    elif found and not faults:
        filters = sum(1 for _ in walk(found))
        if filters > MOST_FILTERS:
            message = f"has {filters} filters; at most {MOST_FILTERS} are allowed."
            faults.append(Fault(path, message))
    if faults or not isinstance(found, Group):
        raise InvalidRequest(*faults)
    return found


def as_wire(group: Group) -> dict[str, Any]:
    return {
        "id": group.id,
        "kind": "group",
        "joinOperator": group.join,
        "children": [
            as_wire(each) if isinstance(each, Group) else filter_as_wire(each)
            for each in group.children
        ],
    }


def walk(group: Group, *, path: str = ROOT) -> Iterator[tuple[str, SegmentFilter]]:
    """Yield each filter with its path."""
    for number, child in enumerate(group.children):
        inner = f"{path}.children[{number}]"
        if isinstance(child, Group):
            yield from walk(child, path=inner)
        else:
            yield inner, child


def replaced(group: Group, change: Callable[[SegmentFilter], SegmentFilter]) -> Group:
    children = (
        replaced(each, change) if isinstance(each, Group) else change(each)
        for each in group.children
    )
    return msgspec.structs.replace(group, children=tuple(children))


def rooted(root: Group) -> tuple[Join, list[Group]] | None:
    """Return a tree as groups of filters, side by side; None where it nests deeper.

    A filter that stands beside groups is put into a group: the meaning stays.
    """
    if not any(isinstance(each, Group) for each in root.children):
        return root.join, [root]
    own: list[SegmentFilter] = []
    groups: list[Group] = []
    for each in root.children:
        if isinstance(each, SegmentFilter):
            own.append(each)
        elif any(isinstance(inner, Group) for inner in each.children):
            return None
        else:
            groups.append(each)
    first = [Group(id=root.id, join=root.join, children=tuple(own))] if own else []
    return root.join, [*first, *groups]


def _parse(
    raw: object, *, path: str, depth: int, numbers: Iterator[int], faults: list[Fault]
) -> SegmentFilter | Group | None:
    try:
        fields = Fields(raw, path=path)
    except InvalidRequest as error:
        faults += error.faults
        return None
    kind = "group" if "children" in fields.raw else "filter"
    kind = fields.read_choice("kind", ("group", "filter"), kind)
    for name in fields.raw.keys() - set(_NAMES[kind]):
        fields.fault(str(name), f"is unknown{did_you_mean(str(name), _NAMES[kind]) or '.'}")
    node_id = fields.read("id", text_reader(LONGEST_ID), "") or f"n{next(numbers)}"
    found: SegmentFilter | Group | None = None
    if kind == "filter":
        found = parse_filter(fields, filter_id=node_id)
    elif depth > MOST_DEPTH:
        fields.fault("children", f"nest deeper than {MOST_DEPTH} groups.")
    else:
        join: Join = fields.read_choice("joinOperator", ("and", "or"), "and")
        listed = fields.get("children")
        if not isinstance(listed, list) or not 1 <= len(listed) <= MOST_FILTERS:
            fields.fault("children", f"must be an array of 1 to {MOST_FILTERS} filters and groups.")
            listed = []
        inner = [
            _parse(
                each, path=f"{path}.children[{n}]", depth=depth + 1, numbers=numbers, faults=faults
            )
            for n, each in enumerate(listed)
        ]
        children = tuple(each for each in inner if each is not None)
        found = Group(id=node_id, join=join, children=children)
    faults += fields.faults
    return found
