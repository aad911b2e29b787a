"""Which addresses are counted as one mailbox."""

import pytest

from subscribers.wire import addresses
from subscribers.wire.mailboxes import FREE_MAIL_DOMAINS, counted_domain, folded

ONE_MAILBOX = {
    "ada@example.com": ["ada+1@example.com", "ada+1+2@example.com", "ada+@example.com"],
    "ada@gmail.com": ["ad.a@gmail.com", "a.d.a+x@gmail.com", "ada@googlemail.com"],
    "ada@icloud.com": ["ada@me.com", "ada@mac.com", "ada+x@me.com"],
    "adalove@proton.me": [
        "ada.love@proton.me", "ada-love@protonmail.com", "ada_love+x@pm.me",
        "a.d-a_love@protonmail.ch",
    ],
    "ada-love@yandex.ru": [
        "ada.love@yandex.ru", "ada-love@ya.ru", "ada.love+x@yandex.com", "ada.love@yandex.by",
        "ada.love@yandex.kz", "ada.love@yandex.com.tr", "ada.love@narod.ru",
    ],
    "ada@fastmail.com": [
        "anything@ada.fastmail.com", "other@ada.fastmail.com", "a+b@ada.fastmail.com",
        "ada+x@fastmail.com",
    ],
    "ada-love@fastmail.fm": ["ada_love@fastmail.fm", "anything@ada-love.fastmail.fm"],
    "ada@outlook.com": ["ada+x@outlook.com"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("mailbox", "alias"), [(each, alias) for each in ONE_MAILBOX for alias in ONE_MAILBOX[each]]
)
def test_addresses_that_reach_one_mailbox_are_one(mailbox: str, alias: str) -> None:
    assert folded(addresses.parse(alias).key) == mailbox == folded(mailbox)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a.da@example.com", "ada@example.com"),
        ("a_da@example.com", "a-da@example.com"),
        ("+1@example.com", "+2@example.com"),
        ("ada@example.com", "ada@example.org"),
        ("x@ada.example.com", "y@ada.example.com"),
        ("a-da@gmail.com", "ada@gmail.com"),
        ("a.da@icloud.com", "ada@icloud.com"),
        ("a.da@yandex.ru", "ada@yandex.ru"),
        ("a_da@yandex.ru", "a-da@yandex.ru"),
        ("ada@fastmail.com", "ada@fastmail.fm"),
        ("a.da@outlook.com", "ada@outlook.com"),
        ("ada@outlook.com", "ada@hotmail.com"),
        ("ada@proton.me", "ada@example.me"),
    ],
)
def test_other_mailboxes_stay_apart(one: str, other: str) -> None:
    assert folded(one) != folded(other)


def test_a_name_of_ignored_characters_alone_stays() -> None:
    assert folded("-@proton.me") == "-@proton.me"


def test_the_domains_of_free_mail_are_as_addresses_compare() -> None:
    for domain in FREE_MAIL_DOMAINS:
        assert addresses.parse(f"ada@{domain}").key == f"ada@{domain}"
        assert counted_domain(f"ada@{domain}") == counted_domain(f"ada@x.{domain}")


@pytest.mark.parametrize(
    ("address", "domain"),
    [
        ("a@example.com", "example.com"), ("a@x.y.example.com", "example.com"),
        ("a@x.example.co.uk", "example.co.uk"), ("a@x.city.kawasaki.jp", "city.kawasaki.jp"),
        ("a@x.bücher.公司.cn", "xn--bcher-kva.xn--55qx5d.cn"),
        # Hosts where every name is somebody else's; and the host itself.
        ("a@x.ada.github.io", "ada.github.io"), ("a@github.io", "github.io"),
        ("a@x.ada.unknown-ending", "ada.unknown-ending"),
        ("a@mail.me.com", "icloud.com"), ("a@ada.fastmail.fm", "fastmail.fm"),
    ],
)  # fmt: skip
def test_a_domain_counts_with_all_of_its_owner_s(address: str, domain: str) -> None:
    assert counted_domain(addresses.parse(address).key) == domain
