"""Colours, and the text that can be read on them, by the formulas of WCAG 2.2.

A colour is `#` and six hex digits in either case.
"""

import re

BLACK, WHITE = "#000000", "#ffffff"
STRAIGHT_UNTIL = 0.04045
STEPS = 20
_COLOR = re.compile(r"#[0-9a-fA-F]{6}", re.ASCII)


def is_color(text: str) -> bool:
    return _COLOR.fullmatch(text) is not None


def contrast(first: str, second: str) -> float:
    """Return the contrast ratio: 1 for equal colours, 21 for black and white."""
    darker, lighter = sorted((_luminance(first), _luminance(second)))
    return (lighter + 0.05) / (darker + 0.05)


def text_on(ground: str) -> str:
    """Return black or white, whichever reads better: the ratio is at least 4.58."""
    return max((WHITE, BLACK), key=lambda text: contrast(text, ground))


def made_visible(color: str, *, on: str, ratio: float) -> str:
    """Return the colour, or the first one towards black or white with enough contrast."""
    towards = int(text_on(on)[1:3], 16)
    for share in range(STEPS + 1):
        mixed = "".join(
            f"{round(part + (towards - part) * share / STEPS):02x}" for part in _parts(color)
        )
        if contrast(f"#{mixed}", on) >= ratio:
            return f"#{mixed}"
    return text_on(on)


def _luminance(color: str) -> float:
    red, green, blue = (_linear(part / 255) for part in _parts(color))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _parts(color: str) -> tuple[int, ...]:
    return tuple(int(color[at : at + 2], 16) for at in (1, 3, 5))


def _linear(part: float) -> float:
    # IEC 61966-2-1: the curve of sRGB, whose dark end is straight.
    return part / 12.92 if part <= STRAIGHT_UNTIL else ((part + 0.055) / 1.055) ** 2.4
