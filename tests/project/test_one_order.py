"""The search for an order refuses what no order explains."""

import pytest

from tests.support.one_order import Contradicted, Timed, assert_some_order


def write(value: int, began: float, ended: float) -> Timed[int]:
    return Timed(
        what=f"write {value}", began=began, ended=ended, only_reads=False, apply=lambda _: value
    )


def read(value: int, began: float, ended: float) -> Timed[int]:
    def apply(state: int) -> int:
        if state != value:
            raise Contradicted
        return state

    return Timed(what=f"read {value}", began=began, ended=ended, only_reads=True, apply=apply)


def test_of_calls_at_the_same_time_either_can_be_the_last() -> None:
    calls = [write(1, 0, 2), write(2, 1, 3)]

    assert_some_order(calls, start=0, is_end=lambda end: end == 1)
    assert_some_order(calls, start=0, is_end=lambda end: end == 2)


def test_a_write_that_ended_before_another_began_is_not_the_last() -> None:
    with pytest.raises(AssertionError, match="write 2"):
        assert_some_order([write(1, 0, 1), write(2, 2, 3)], start=0, is_end=lambda end: end == 1)


def test_a_read_is_explained_by_a_write_that_it_may_have_seen_only() -> None:
    both = [write(1, 0, 3), write(2, 0, 3)]

    assert_some_order([*both, read(1, 1, 2), read(2, 2, 3)], start=0, is_end=lambda end: end == 2)
    with pytest.raises(AssertionError):
        assert_some_order([*both, read(1, 4, 5)], start=0, is_end=lambda end: end == 2)
