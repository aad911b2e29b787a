"""How many confirmation mails leave in an hour: the rest is put off, evenly, and never refused."""

from datetime import datetime, timedelta

import pytest
from pytest_django.fixtures import Settings

from subscribers.models import AskedHour
from subscribers.services.consent import breakers
from tests.support.sequence_making import NOON

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def limits(settings: Settings) -> None:
    settings.CONFIRMATIONS_PER_DOMAIN = 4
    settings.CONFIRMATIONS_PER_FREE_DOMAIN_AND_KEY = 6
    settings.CONFIRMATIONS_PER_KEY = 8
    settings.CONFIRMATIONS_PER_HOUR = 12


def admit(domain: str, key: str = "", at: datetime = NOON) -> timedelta | None:
    """Return how long after noon a mail may leave; None: now."""
    until = breakers.admit(email_key=f"a@{domain}", key_prefix=key, now=at)
    return until - NOON if until else None


def test_what_is_beyond_a_domain_s_limit_is_spread_over_the_hours_to_come() -> None:
    said = [admit("example.com", at=NOON + timedelta(minutes=20)) for _ in range(10)]

    quarter = HOUR / 4
    assert said == [
        None, None, None, None,
        HOUR, HOUR + quarter, HOUR + 2 * quarter, HOUR + 3 * quarter,
        2 * HOUR, 2 * HOUR + quarter,
    ]  # fmt: skip


def test_the_next_hour_and_other_domains_count_anew() -> None:
    for _ in range(5):
        admit("example.com")

    assert admit("example.org") is None
    assert admit("example.com", at=NOON + HOUR) is None


def test_free_mail_is_limited_by_domain_and_key_together() -> None:
    by_domain_and_key = [admit("gmail.com", key="ck_1") for _ in range(7)]
    by_key = [admit("web.de", key="ck_1") for _ in range(3)]
    other_key = admit("gmail.com", key="ck_2")

    assert by_domain_and_key == [None] * 6 + [HOUR]
    assert by_key == [None, None, HOUR]
    assert other_key is None
    said = {each.subject: each.scope for each in breakers.delayed_since(since=NOON)}
    assert said == {"gmail.com by the API key ck_1": "domain", "ck_1": "key"}


def test_all_domains_of_a_mailbox_count_as_one() -> None:
    sent = [admit(each, key="ck_1") for each in ("icloud.com", "me.com", "mac.com") * 2]
    beyond = [admit(each, key="ck_1") for each in ("icloud.com", "me.com")]

    assert sent == [None] * 6
    assert beyond == [HOUR, HOUR + HOUR / 6]


def test_names_as_subdomains_are_no_domains_of_their_own() -> None:
    sent = [admit(f"user{number}.fastmail.fm") for number in range(5)]

    assert sent == [None] * 4 + [HOUR]


@pytest.mark.parametrize(
    "domain", ["evil.example.com", "evil.co.uk", "evil.xn--55qx5d.cn", "evil.github.io"]
)
def test_ever_new_subdomains_are_one_domain(domain: str) -> None:
    sent = [admit(f"x{number}.{'y.' * number}{domain}") for number in range(5)]

    assert sent == [None] * 4 + [HOUR]


@pytest.mark.parametrize("suffix", ["co.uk", "github.io", "com.br", "xn--55qx5d.cn"])
def test_domains_of_different_owners_count_apart(suffix: str) -> None:
    assert [admit(f"owner{number}.{suffix}") for number in range(5)] == [None] * 5


def test_subdomains_of_free_mail_are_free_mail() -> None:
    sent = [admit(f"x{number}.gmail.com", key="ck_1") for number in range(7)]

    assert sent == [None] * 6 + [HOUR]


def test_free_mail_that_no_key_asked_for_is_limited_in_all_alone() -> None:
    assert [admit("gmail.com") for _ in range(13)] == [None] * 12 + [HOUR]


def test_what_is_put_off_counts_as_put_off_and_for_nothing_else() -> None:
    for _ in range(6):
        admit("example.com", key="ck_1")

    rows = AskedHour.objects.order_by("scope").values_list("scope", "subject", "mails", "delayed")
    assert list(rows) == [("all", "", 4, 0), ("domain", "example.com", 4, 2), ("key", "ck_1", 4, 0)]
    (hour,) = breakers.delayed_since(since=NOON)
    assert (hour.scope, hour.starts_at) == ("domain", NOON)


def test_a_limit_of_nought_is_none(settings: Settings) -> None:
    settings.CONFIRMATIONS_PER_DOMAIN = settings.CONFIRMATIONS_PER_KEY = 0
    settings.CONFIRMATIONS_PER_FREE_DOMAIN_AND_KEY = settings.CONFIRMATIONS_PER_HOUR = 0

    assert {admit("example.com", key="ck_1") for _ in range(20)} == {None}
    assert {admit("gmail.com", key="ck_1") for _ in range(20)} == {None}
    assert not AskedHour.objects.exists()


def test_old_hours_are_deleted() -> None:
    admit("example.com", at=NOON - timedelta(days=8))
    admit("example.com")

    deleted = breakers.purge(now=NOON)

    assert deleted == 2
    assert {each.starts_at for each in AskedHour.objects.all()} == {NOON}
