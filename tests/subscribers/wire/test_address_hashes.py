"""Addresses as keyed hashes, and which of them are one mailbox."""

import pytest

from subscribers.wire.address_hashes import FREE_MAIL_DOMAINS, address_hash, domain_of, mailbox_hash


def test_a_hash_is_the_address_s_and_the_workspace_s() -> None:
    hashed = address_hash("key", "ada@example.com")

    assert hashed == address_hash("key", "ada@example.com")
    assert len(hashed) == 64
    assert hashed != address_hash("other key", "ada@example.com")
    assert hashed != address_hash("key", "bob@example.com")


def test_a_hash_is_plain_hmac_that_other_programs_can_make() -> None:
    # RFC 4231, test case 2.
    expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"

    assert address_hash("Jefe", "what do ya want for nothing?") == expected


@pytest.mark.parametrize(
    "address",
    ["ada@example.com", "ada+1@example.com", "ada+1+2@example.com", "ada+@example.com"],
)
def test_what_follows_a_plus_is_the_same_mailbox(address: str) -> None:
    assert mailbox_hash("key", address) == address_hash("key", "ada@example.com")


@pytest.mark.parametrize(
    "address", ["ad.a@gmail.com", "a.d.a+x@gmail.com", "ada@googlemail.com", "ada@gmail.com"]
)
def test_at_gmail_dots_and_the_other_name_are_the_same_mailbox(address: str) -> None:
    assert mailbox_hash("key", address) == address_hash("key", "ada@gmail.com")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a.da@example.com", "ada@example.com"),
        ("+1@example.com", "+2@example.com"),
        ("ada@example.com", "ada@example.org"),
    ],
)
def test_other_mailboxes_stay_apart(one: str, other: str) -> None:
    assert mailbox_hash("key", one) != mailbox_hash("key", other)


def test_the_domains_of_free_mail_are_as_addresses_compare() -> None:
    for domain in FREE_MAIL_DOMAINS:
        assert domain_of(f"ada@{domain}") == domain == domain.lower()
