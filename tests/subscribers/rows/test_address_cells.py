"""Addresses with something around them."""

import pytest

from subscribers.rows.address_cells import bared


@pytest.mark.parametrize(
    "given",
    [
        "mailto:a@x.io", "MailTo: a@x.io?subject=Hi&cc=b@x.io", "Ada <a@x.io>", "<a@x.io>",
        '"Lee, Ada" <mailto:a@x.io>', "\u200ba@x.io", "a\u00ad@x\u200b.io", "`a@x.io`",
        "\u202aa@x.io\u202c", "\ufeffa@x.io", "\u201ca@x.io\u201d", "'a@x.io'", "a@x.io; ",
    ],
)  # fmt: skip
def test_the_address_alone_is_left(given: str) -> None:
    assert bared({"email": given, "name": "x"}) == {"email": "a@x.io", "name": "x"}


@pytest.mark.parametrize(
    "given", ["a@x.io", " a@x.io ", "Ada", "a@x.io, b@x.io", "a @x.io", "<a@x.io", 7, None, ""]
)
def test_what_has_nothing_around_it_stays(given: object) -> None:
    assert bared({"email": given}) is None


def test_of_two_addresses_none_is_chosen() -> None:
    assert bared({"email": "<a@x.io> <b@x.io>"}) is None
