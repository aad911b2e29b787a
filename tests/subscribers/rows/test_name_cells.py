"""Names in one cell of a table: what is written is read back, what people type is known."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subscribers.rows import name_cells

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(st.lists(TEXT, max_size=5))
def test_whatever_is_written_is_read_back(names: list[str]) -> None:
    assert name_cells.parted(name_cells.joined(names)) == names


@pytest.mark.parametrize(
    ("names", "cell"),
    [
        (["vip", "trial"], "vip;trial"),
        ([], "[]"),
        (["a;b"], '["a;b"]'),
        (["[draft]"], '["[draft]"]'),
        ([" News"], '[" News"]'),
    ],
)
def test_the_cell_is_as_plain_as_it_can_be(names: list[str], cell: str) -> None:
    assert name_cells.joined(names) == cell


@pytest.mark.parametrize(
    ("cell", "names"),
    [("", None), ("  ", None), ("vip", ["vip"]), (" vip ; trial ;", ["vip", "trial"]), ("[]", [])],
)
def test_cells_that_people_typed_are_understood(cell: str, names: list[str] | None) -> None:
    assert name_cells.parted(cell) == names


@pytest.mark.parametrize("cell", ["[vip", '["a", 1]', "[[]]", "[NaN]"])
def test_what_begins_like_an_array_must_be_one_of_texts(cell: str) -> None:
    with pytest.raises(name_cells.InvalidNames, match=r"\["):
        name_cells.parted(cell)
