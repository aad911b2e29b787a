"""Numbers of things in sentences."""

import pytest

from subscribers.wire.amounts import counted


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0 rows are"), (1, "1 row is"), (2, "2 rows are"), (1200, "1,200 rows are")],
)
def test_one_is_singular(number: int, text: str) -> None:
    assert counted(number, "row is", "rows are") == text
