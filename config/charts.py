"""Charts as plain SVG made by the server: no script, and the numbers below as a table.

Labels stand in HTML around the drawing, so that the drawing can be stretched to any width.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from django.template.loader import render_to_string
from django.utils.safestring import SafeString

WIDTH = 600
HEIGHT = 120
MOST_LABELS = 7
# The share of a slot that its column fills.
FILLED = 0.8
# First digits of the numbers that may stand at the top of a chart, each easily halved.
ROUND = (1, 2, 4, 6, 8, 10)


class Tone(StrEnum):
    """The color of a series; a class of the stylesheet."""

    MAIN = "main"
    SECOND = "second"
    GOOD = "good"
    BAD = "bad"
    QUIET = "quiet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Numbers by slot, none of them negative, as many as the chart has labels."""

    name: str
    values: Sequence[int]
    tone: Tone = Tone.MAIN

    @property
    def total(self) -> int:
        return sum(self.values)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Column:
    """Sizes as texts with a point: templates write numbers as the reader's language does."""

    left: str
    top: str
    width: str
    height: str
    tone: Tone
    words: str


@dataclass(frozen=True, slots=True)
class _Line:
    points: str
    tone: Tone


def draw(
    *,
    title: str,
    labels: Sequence[str],
    columns: Sequence[Series] = (),
    lines: Sequence[Series] = (),
) -> SafeString:
    """Return a chart: columns stacked on each other, lines over them, on one scale.

    Raises ValueError where a series has not one value for each label.
    """
    everything = [*columns, *lines]
    if any(len(each.values) != len(labels) for each in everything):
        raise ValueError("A series has not one value for each label.")
    stacks = [sum(column) for column in zip(*(each.values for each in columns), strict=True)]
    top = _round_up(max([*stacks, *(n for each in lines for n in each.values), 1]))
    context = {
        "title": title,
        "width": WIDTH,
        "height": HEIGHT,
        "series": everything,
        "is_empty": not any(each.total for each in everything),
        "scale": [f"{top:,}", f"{top // 2:,}" if top > 1 else "", "0"],
        "columns": _columns(columns, labels=labels, top=top),
        "lines": [_Line(_points(each.values, top=top), each.tone) for each in lines],
        "marks": _marks(labels),
        "rows": [
            (label, [f"{each.values[place]:,}" for each in everything])
            for place, label in enumerate(labels)
        ],
    }
    return render_to_string("admin/chart.html", context)


def _columns(series: Sequence[Series], *, labels: Sequence[str], top: int) -> list[_Column]:
    slot = WIDTH / max(len(labels), 1)
    drawn = []
    for place, label in enumerate(labels):
        floor = float(HEIGHT)
        for each in series:
            height = HEIGHT * each.values[place] / top
            floor -= height
            if height:
                left = slot * (place + (1 - FILLED) / 2)
                drawn.append(
                    _Column(
                        left=f"{left:.2f}",
                        top=f"{floor:.2f}",
                        width=f"{slot * FILLED:.2f}",
                        height=f"{height:.2f}",
                        tone=each.tone,
                        words=f"{label}: {each.values[place]:,} {each.name}",
                    )
                )
    return drawn


def _points(values: Sequence[int], *, top: int) -> str:
    slot = WIDTH / max(len(values), 1)
    return " ".join(
        f"{slot * (place + 0.5):.2f},{HEIGHT - HEIGHT * value / top:.2f}"
        for place, value in enumerate(values)
    )


def _round_up(number: int) -> int:
    size: int = 10 ** (len(str(number)) - 1)
    return next(digit * size for digit in ROUND if digit * size >= number)


def _marks(labels: Sequence[str]) -> list[tuple[str, bool]]:
    """Return a mark for each slot, most of them empty, and which ones a phone has no room for."""
    distance = max(-(-len(labels) // MOST_LABELS), 1)
    return [
        ("" if place % distance else label, bool(place // distance % 2))
        for place, label in enumerate(labels)
    ]
