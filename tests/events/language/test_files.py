"""Files of sequences: what YAML means, what is refused, and that `dump` writes it back."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.language import files
from events.language.files import InvalidFile, dump, load


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("2026-01-01", "2026-01-01"),
        ("2026-01-01T10:00:00Z", "2026-01-01T10:00:00Z"),
        ("17:00", "17:00"),
        ("09:30", "09:30"),
        ("on", "on"),
        ("yes", "yes"),
        ("No", "No"),
        ("010", "010"),
        ("0x1F", "0x1F"),
        ("1_000", "1_000"),
        (".inf", ".inf"),
        ("+5", "+5"),
        ("9" * 400, "9" * 400),
        ("true", True),
        ("False", False),
        ("12", 12),
        ("-0.5", -0.5),
        ("1e3", 1000.0),
        ("~", None),
        ("", None),
        ("null", None),
        ("'12'", "12"),
        ('"a\\nb"', "a\nb"),
        ("{a: [1, b]}", {"a": [1, "b"]}),
    ],
)
def test_a_value_is_what_json_would_have(written: str, value: object) -> None:
    (found,) = load(f"- {written}\n".encode())

    assert found == value
    assert type(found) is type(value)


def test_a_text_of_several_lines_stays_as_it_is() -> None:
    assert load(b"- html: |\n    <p>\n      Hi\n    </p>\n") == [{"html": "<p>\n  Hi\n</p>\n"}]


def test_json_is_read_as_json() -> None:
    content = b'\xef\xbb\xbf[\n\t{"name": "\\ud83d\\ude00", "at": "2026-01-01"}\n]'

    assert load(content) == [{"name": "😀", "at": "2026-01-01"}]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "must be a list"),
        (b"name: Welcome", "must be a list"),
        (b"- &a [1]\n- *a", "Line 1, column 3: anchors and aliases are not allowed."),
        (b"- *a", "anchors and aliases"),
        (b"- !!python/object/apply:os.system [x]", "tags (!) are not allowed"),
        (b"- !!binary aGk=", "tags (!) are not allowed"),
        (b"- name: a\n  name: b", "Line 2, column 3: 'name' is there twice."),
        (b'[{"a": 1, "a": 2}]', "'a' twice"),
        (b"- 2024: x", "must be text: put it in quotes"),
        (b"- true: x", "must be text: put it in quotes"),
        (b"- [a]: x", "must be text: put it in quotes"),
        (b"- a\n---\n- b", "Line 2, column 1: expected a single document"),
        (b"- a: b: c", "Line 1, column 7: mapping values are not allowed here."),
        (b"- \xff", "not UTF-8 (byte 3)"),
        (b"\xff\xfe-\x00", "not UTF-8 (byte 1)"),
        (b"- \x00", "control character (sign 3)"),
        (b"[" * 500_000, "nests deeper than 20 levels"),
        (b"[" * 30 + b"]" * 30, "nests deeper than 20 levels"),
        (b"- ? " * 30, "nests deeper than 20 levels"),
        (b"-" + b" " * files.MOST_BYTES, "larger than 1024 KiB"),
    ],
)
def test_what_is_more_than_json_is_refused_with_its_place(content: bytes, words: str) -> None:
    with pytest.raises(InvalidFile) as caught:
        load(content)

    assert words in str(caught.value)


def test_a_merge_key_is_a_name_like_others() -> None:
    assert load(b"- <<: {a: 1}\n  a: 2") == [{"<<": {"a": 1}, "a": 2}]


def test_a_text_of_several_lines_is_written_as_people_write_it() -> None:
    written = dump([{"name": "A", "html": "<p>\n  Hi {{subscriber.firstName}}\n</p>\n"}])

    assert written == (
        "- name: A\n  html: |\n    <p>\n      Hi {{subscriber.firstName}}\n    </p>\n"
    )


texts = st.text(st.characters(codec="utf-8"))
looks_like_another = st.sampled_from(
    ["1e5", "17:00", "on", "yes", "~", "null", "", "010", "-0", "1.", ".5", "2026-01-01", "<<", "=",
     "- a", "a: b", "#", "&a", "*a", "!x", "|", ">", "%", "@", "`", "'", '"', " a", "a ", "\n",
     " \n", "a\n", "\na", "a\n\n", "a\r\nb", "a\u2028b", "a\x85b", "\ta\nb", "a\n\tb", "😀",
     "\ufeff", "...", "---\n", "a \nb", "a\n  b\n c"]
)  # fmt: skip
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(allow_nan=False, allow_infinity=False),
    texts,
    looks_like_another,
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


def _is_shallow(value: Any, depth: int = 0) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return depth < 15 and all(_is_shallow(each, depth + 1) for each in inner)


@given(st.lists(values.filter(_is_shallow), max_size=4))
def test_what_is_written_is_read_as_the_same(elements: list[Any]) -> None:
    assert load(dump(elements).encode()) == elements


@given(
    st.binary(max_size=200) | st.text("-[]{}:,?&*!|>'\"%@`# \n\tab1", max_size=60).map(str.encode)
)
def test_no_bytes_raise_anything_else(content: bytes) -> None:
    try:
        loaded = load(content)
    except InvalidFile:
        return

    assert isinstance(loaded, list)
