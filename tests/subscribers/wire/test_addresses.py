"""Which addresses are accepted, and when two are equal."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subscribers.wire import addresses


@pytest.mark.parametrize(
    ("text", "stored", "key"),
    [
        ("Ada@Example.COM", "Ada@example.com", "ada@example.com"),
        ("  a@example.com\n", "a@example.com", "a@example.com"),
        ("a@BÜCHER.de", "a@bücher.de", "a@xn--bcher-kva.de"),
        ("a@xn--bcher-kva.de", "a@bücher.de", "a@xn--bcher-kva.de"),
        ("a@\uff45xample.com", "a@example.com", "a@example.com"),
        ("a@\u212aelvin.com", "a@kelvin.com", "a@kelvin.com"),
        ("=cmd|x@b.io", "=cmd|x@b.io", "=cmd|x@b.io"),
        ("x" * 64 + "@example.com", "x" * 64 + "@example.com", "x" * 64 + "@example.com"),
    ],
)
def test_an_address_and_what_it_is_compared_by(text: str, stored: str, key: str) -> None:
    assert addresses.parse(text) == addresses.Address(text=stored, key=key)


@pytest.mark.parametrize(
    ("one", "other"), [("a@exampl\u0131.com", "a@exampli.com"), ("a@straße.de", "a@strasse.de")]
)
def test_domains_that_only_look_alike_are_two(one: str, other: str) -> None:
    assert addresses.parse(one).key != addresses.parse(other).key


@pytest.mark.parametrize(
    "text",
    [
        "", "a", "@example.com", "a@", "a@localhost", "a@example", "a@[127.0.0.1]", "a@127.0.0.1",
        "a b@example.com", '"a b"@example.com', "a..b@example.com", "a@b@c.com", "a@example.com.",
        "A <a@example.com>", "a@exam_ple.com", "a@exa\u200bmple.com", "a\u200b@example.com",
        "\u0131@example.com", "\uff41@example.com", "\u212a@example.com", "a\0@example.com",
        "a@example.com\r\nBcc: b@example.com", "x" * 65 + "@example.com", "a@" + "x" * 260 + ".com",
        "a@example.com,b@example.com", "a\u2028@example.com", "\ud800@example.com",
    ],
)  # fmt: skip
def test_what_no_mail_can_be_sent_to_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(addresses.InvalidAddress, match=r"is not a valid address|is longer than"):
        addresses.parse(text)


@given(st.text(max_size=40))
def test_any_text_is_an_address_or_a_refusal(text: str) -> None:
    try:
        address = addresses.parse(text)
    except addresses.InvalidAddress:
        return

    assert addresses.parse(address.text) == address
    assert addresses.parse(address.key).key == address.key


@given(st.emails())
def test_case_makes_no_second_person(text: str) -> None:
    try:
        address = addresses.parse(text)
    except addresses.InvalidAddress:
        return

    assert addresses.parse(address.text.swapcase()).key == address.key


def judge(parse: Callable[[str], addresses.Address], text: str) -> addresses.Address | str:
    """Return the address, or why it is none."""
    try:
        return parse(text)
    except addresses.InvalidAddress as error:
        return str(error)


@given(
    st.text(alphabet="aZ0.+-_'@ü", max_size=66),
    st.sampled_from(
        ["example.com", "gmail.com", "a.test",
         "xn--bcher-kva.de", "ex--ample.com", "-a.com", "a..b",
         "localhost", "1.2.3.4", "example", "a.invalid", "a-.de", "9.de", "sub.example.co.uk"]
    ),
)  # fmt: skip
def test_the_quick_way_says_what_the_long_one_says(local: str, domain: str) -> None:
    text = f"{local}@{domain}"

    quick, long = judge(addresses.parse, text), judge(addresses._parse_any, text.strip())

    assert quick == long
