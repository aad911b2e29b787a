"""A process's pause while the mail server is away."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from events.services.engine import mail_breaker
from tests.support.sequence_making import NOON


@pytest.fixture(autouse=True)
def closed_again() -> Iterator[None]:
    yield
    mail_breaker.reset()


def test_mail_waits_until_the_pause_is_over() -> None:
    until = mail_breaker.trip(now=NOON, is_unknown=False)

    assert mail_breaker.held_until(now=NOON) == until
    assert mail_breaker.held_until(now=until) is None


def test_no_pause_is_as_long_as_the_clock_was_set_back() -> None:
    mail_breaker.trip(now=NOON, is_unknown=True)

    assert mail_breaker.held_until(now=NOON - timedelta(hours=3)) is None
