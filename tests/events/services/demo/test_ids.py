"""Ids of the past sort by their time and are UUIDs of version 7."""

from datetime import UTC, datetime, timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from events.services.demo.ids import PastIds

EPOCH = datetime(2020, 1, 1, tzinfo=UTC)


def ids_of(seed: int) -> PastIds:
    return PastIds(Random(seed))  # noqa: S311 - the same chance every time


@given(st.lists(st.integers(0, 10**15), min_size=2, unique=True), st.integers())
def test_ids_sort_by_the_microsecond(offsets: list[int], seed: int) -> None:
    ids = ids_of(seed)

    made = {each: ids.at(EPOCH + timedelta(microseconds=each)) for each in offsets}

    assert sorted(offsets) == sorted(offsets, key=lambda each: made[each])


def test_an_id_is_of_version_7_and_tells_its_time() -> None:
    moment = EPOCH + timedelta(days=800, milliseconds=7)

    made = ids_of(1).at(moment)

    assert (made.version, made.variant) == (7, "specified in RFC 4122")
    assert made.int >> 80 == int(moment.timestamp() * 1000)


def test_the_same_seed_gives_the_same_ids() -> None:
    assert ids_of(5).at(EPOCH) == ids_of(5).at(EPOCH)
