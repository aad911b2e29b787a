"""Row ids: they rise, they are well-formed, and only their own form is read back."""

import threading
import uuid
from datetime import UTC, datetime

import pytest

from subscribers import ids


def test_ids_rise_within_a_process_and_never_repeat() -> None:
    made = [ids.new_id() for _ in range(20_000)]

    assert made == sorted(made)
    assert len(set(made)) == len(made)


def test_ids_made_together_rise_and_go_on_where_others_ended() -> None:
    before = ids.new_id()
    made = ids.new_ids(10_000)
    after = ids.new_id()

    assert [before, *made, after] == sorted({before, *made, after})
    assert {each.version for each in made} == {7}
    assert {each.variant for each in made} == {uuid.RFC_4122}


def test_ids_are_version_7_of_the_rfc_variant() -> None:
    made = ids.new_id()

    assert made.version == 7
    assert made.variant == uuid.RFC_4122


def test_ids_of_another_clock_have_its_time_and_rise_and_the_present_comes_back() -> None:
    moment = datetime(2020, 2, 29, 12, 0, 0, 7_000, tzinfo=UTC)
    before = ids.new_id()
    with ids.made_at(lambda: moment):
        made = ids.new_ids(3)
    after = ids.new_id()

    assert {each.int >> 80 for each in made} == {int(moment.timestamp() * 1000)}
    assert made == sorted(made)
    assert before < after


def test_ids_rise_where_the_present_comes_back_within_the_same_millisecond() -> None:
    moment = datetime(2020, 2, 29, 12, 0, 0, 7_000, tzinfo=UTC)
    with ids.made_at(lambda: moment):
        # The counter is beyond any value that another millisecond may begin with.
        before = ids.new_ids(2_100)[-1]
        with ids.made_at(lambda: moment):
            ids.new_id()
        after = ids.new_id()

    assert before < after


def test_threads_do_not_share_an_id() -> None:
    made: list[uuid.UUID] = []
    threads = [
        threading.Thread(target=lambda: made.extend(ids.new_id() for _ in range(2_000)))
        for _ in range(8)
    ]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(made)) == 16_000


def test_an_encoded_id_is_read_back() -> None:
    row_id = ids.new_id()

    assert ids.decode("evt", ids.encode("evt", row_id)) == row_id


@pytest.mark.parametrize(
    "text",
    ["", "evt", "evt_", "sub_" + "0" * 32, "evt_" + "0" * 31, "evt_" + "G" * 32, "evt_" + "A" * 32],
)
def test_anything_else_is_no_id(text: str) -> None:
    assert ids.decode("evt", text) is None
