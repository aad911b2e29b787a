"""Tests of guards against formulas."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subscribers.rows.formula_guard import guarded, unguarded

# Texts made of what guards turn on, and any others.
CELLS = st.one_of(st.text(alphabet="'=+-@\t\ra"), st.text())


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r"])
def test_what_a_spreadsheet_would_run_is_guarded(first: str) -> None:
    cell = f"{first}cmd|x@b.io"

    written = guarded(cell)

    assert written == f"'{cell}"


@pytest.mark.parametrize("cell", ["", "a@b.io", "O'Brien", "'tis", "'", "1-2"])
def test_other_cells_stay_as_they_are(cell: str) -> None:
    assert (guarded(cell), unguarded(cell)) == (cell, cell)


@given(CELLS)
def test_what_was_guarded_comes_back(cell: str) -> None:
    assert unguarded(guarded(cell)) == cell


@given(CELLS)
def test_no_guarded_cell_begins_like_a_formula(cell: str) -> None:
    assert not guarded(cell).startswith(("=", "+", "-", "@", "\t", "\r"))
