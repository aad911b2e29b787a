"""What is JSON, and what both databases can store."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subscribers.wire import json_gate

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)  # fmt: skip


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b'{"a": 1, "a": 2}', {"a": 2}),
        (b' [1, -0.5, 1e3, "\\u00e9", true, null] ', [1, -0.5, 1000.0, "é", True, None]),
        (b'"\\ud83d\\ude00"', "\U0001f600"),
        (b"[" * 20 + b"]" * 20, json.loads("[" * 20 + "]" * 20)),
    ],
)
def test_json_is_decoded(body: bytes, value: object) -> None:
    assert json_gate.decode(body) == value


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"{'a': 1}", b"[1,]", b"nul", b'"\xff"', b"\xef\xbb\xbf{}",
        "{}".encode("utf-16"), b"NaN", b"[Infinity]", b"-Infinity", b"1e999",
        b"[" * 21 + b"]" * 21, b"[" * 100_000, b'{"a":' * 100_000, b"9" * 10_000,
        b'"\x00"', b"{} {}", b"01",
    ],
)  # fmt: skip
def test_what_is_no_json_is_refused_with_a_sentence(body: bytes) -> None:
    with pytest.raises(json_gate.InvalidJson) as refused:
        json_gate.decode(body)

    assert str(refused.value).endswith(".")


@pytest.mark.parametrize(
    "value",
    ["\0", "\ud800", {"\0": 1}, [[{"a": ["\udfff"]}]], 10**400, float("nan"), float("inf"), {1}],
)
def test_what_one_database_refuses_is_found(value: object) -> None:
    assert json_gate.find_unstorable(value)


@pytest.mark.parametrize(
    ("one", "other", "are_same"),
    [
        (1, True, False),
        ({"a": [0]}, {"a": [False]}, False),
        ({"a": 1}, {"a": 1.0}, True),
        ({"a": 1, "b": None}, {"b": None, "a": 1}, True),
        ({"a": None}, {}, False),
        ([1, 2], [2, 1], False),
        ([1], [1, 1], False),
        ({}, [], False),
        ("", None, False),
    ],
)
def test_when_two_values_are_the_same(one: object, other: object, are_same: bool) -> None:
    assert json_gate.is_same(one, other) is are_same


@given(VALUES)
def test_what_was_written_is_read_again(value: object) -> None:
    assert json_gate.decode(json.dumps(value).encode()) == value


@given(VALUES, st.integers(min_value=-(10**400), max_value=10**400))
def test_the_quick_decoder_reads_what_the_standard_library_reads(value: object, big: int) -> None:
    body = json.dumps([value, big, {"big": big, "small": 10**19, "low": -(10**19)}])

    decoded = json_gate.decode(body.encode())

    assert json_gate.compact(decoded) == json_gate.compact(json.loads(body))


@given(st.text())
def test_control_characters_are_found_by_their_code_points(text: str) -> None:
    is_found = json_gate.has_control(text)

    assert is_found == any(
        ord(sign) < 32 or 0x7F <= ord(sign) < 0xA0 or ord(sign) in {0x2028, 0x2029}
        or 0xD800 <= ord(sign) < 0xE000
        for sign in text
    )  # fmt: skip


@given(st.binary(max_size=60))
def test_any_bytes_are_a_value_or_a_refusal(body: bytes) -> None:
    try:
        value = json_gate.decode(body)
    except json_gate.InvalidJson:
        return

    if json_gate.find_unstorable(value) is None:
        assert json_gate.decode(json_gate.compact(value)) == value
