"""Segments in words: groups of filters on people, joined by and/or; parsed, checked, written back.

Knows no Django and no rows; which people match is asked by `events.services.segments`.
"""

from events.language.segments.attributes import meets
from events.language.segments.filters import Field, Operator, SegmentFilter
from events.language.segments.folding import FOLDED, UNFOLDED, fold
from events.language.segments.groups import (
    Group,
    as_wire,
    parse_root,
    replaced,
    rooted,
    walk,
)

__all__ = [
    "FOLDED",
    "UNFOLDED",
    "Field",
    "Group",
    "Operator",
    "SegmentFilter",
    "as_wire",
    "fold",
    "meets",
    "parse_root",
    "replaced",
    "rooted",
    "walk",
]  # fmt: skip
