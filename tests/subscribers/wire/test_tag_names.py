"""The one form of a tag's name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subscribers.wire import tag_names


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("VIP_User", "vip-user"),
        (" vip \t user ", "vip-user"),
        ("a--__ b", "a-b"),
        ("-x-", "x"),
        ("a.b/c", "abc"),
        ("a & b", "a-b"),
        ("Ünïcode", "ünïcode"),
        ("\ufb01ne", "fine"),
        ("\u2167", "viii"),
        ("日本 語", "日本-語"),
        ("नमस्ते", "नमस्ते"),
        ("x\u202ey", "xy"),
        ("a\0b", "ab"),
        ("x" * 100, "x" * 100),
        ("_" + "x" * 100 + "_", "x" * 100),
    ],
)
def test_a_name_is_folded(text: str, name: str) -> None:
    assert tag_names.normalise(text) == name


@pytest.mark.parametrize("text", ["", " ", "!?", "-_-", "\u200b", "\U0001f600"])
def test_a_name_of_nothing_is_refused(text: str) -> None:
    with pytest.raises(tag_names.InvalidTagName, match="needs at least one letter or digit"):
        tag_names.normalise(text)


def test_a_long_name_is_refused_and_never_cut() -> None:
    with pytest.raises(tag_names.InvalidTagName, match="is longer than 100 characters"):
        tag_names.normalise("x" * 101)


@given(st.text(max_size=120))
def test_folding_twice_changes_nothing(text: str) -> None:
    try:
        name = tag_names.normalise(text)
    except tag_names.InvalidTagName:
        return

    assert tag_names.normalise(name) == name
    assert 1 <= len(name) <= tag_names.LONGEST
