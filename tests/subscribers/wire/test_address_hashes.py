"""Addresses as keyed hashes."""

from subscribers.wire.address_hashes import address_hash, mailbox_hash


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


def test_all_addresses_of_a_mailbox_have_one_hash() -> None:
    assert mailbox_hash("key", "a.da+1@googlemail.com") == address_hash("key", "ada@gmail.com")
    assert mailbox_hash("key", "ada@example.com") == address_hash("key", "ada@example.com")
