"""Which text is readable on a colour, for every colour."""

import pytest

from subscribers.pages import colors


@pytest.mark.parametrize(
    ("first", "second", "ratio"),
    [
        ("#000000", "#ffffff", 21.0),
        ("#FFFFFF", "#000000", 21.0),
        ("#2b655f", "#2B655F", 1.0),
        # From the examples that accompany WCAG's formula.
        ("#767676", "#ffffff", 4.54),
        ("#0000ff", "#ffffff", 8.59),
        ("#ff0000", "#ffffff", 4.0),
    ],
)
def test_the_contrast_of_two_colours_is_that_of_wcag(first: str, second: str, ratio: float) -> None:
    found = colors.contrast(first, second)

    assert round(found, 2) == ratio


@pytest.mark.parametrize(
    ("ground", "text"),
    [
        ("#2b655f", "#ffffff"),
        ("#ffdd00", "#000000"),
        ("#ffffff", "#000000"),
        ("#000000", "#ffffff"),
    ],
)
def test_text_is_black_or_white_whichever_reads_better(ground: str, text: str) -> None:
    chosen = colors.text_on(ground)

    assert chosen == text


def test_text_reads_well_on_every_colour() -> None:
    steps = range(0, 256, 15)
    grounds = [
        f"#{red:02x}{green:02x}{blue:02x}" for red in steps for green in steps for blue in steps
    ]

    ratios = [colors.contrast(colors.text_on(ground), ground) for ground in grounds]

    assert len(ratios) == 18**3
    assert min(ratios) >= 4.5


@pytest.mark.parametrize(
    "text", ["", "#fff", "2b655f", "#2b655g", "#2b655f0", "#2b655f\n", "#\uff12b655f", "red"]
)
def test_only_six_hex_digits_are_a_colour(text: str) -> None:
    assert not colors.is_color(text)
    assert colors.is_color("#2B655f")


@pytest.mark.parametrize("ground", ["#ffffff", "#1a1a20", "#808080"])
def test_what_cannot_be_seen_is_moved_until_it_can(ground: str) -> None:
    same = colors.made_visible(ground, on=ground, ratio=3)
    black_and_white = [
        colors.made_visible(color, on=ground, ratio=3) for color in (colors.BLACK, colors.WHITE)
    ]

    assert all(colors.contrast(each, ground) >= 3 for each in (same, *black_and_white))


def test_what_can_be_seen_stays_as_it_is() -> None:
    assert colors.made_visible("#2b655f", on="#ffffff", ratio=3) == "#2b655f"
