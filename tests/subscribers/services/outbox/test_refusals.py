"""What a refusal is about: a recipient who is none, or anything else."""

import pytest

from subscribers.services.outbox import refusals


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (
            550,
            "5.1.1 The email account that you tried to reach does not exist. https://example.com",
        ),
        (550, "5.1.1 <spf@example.com>: Recipient address rejected: User unknown"),
        (550, "5.1.10 The domain takes no mail"),
        (556, "5.1.10 Null MX"),
        (550, "5.1.2 Host unknown"),
        (553, "5.1.3 Bad address syntax"),
        (551, "5.1.6 Moved away"),
        (550, "No such user"),
        (550, "No"),
        (550, ""),
        (550, "Requested action not taken: mailbox unavailable"),
        (550, "policy@example.com: unknown user"),
        (551, "User not local"),
        (553, "Mailbox name invalid"),
        (556, "Domain does not accept mail"),
    ],
)
def test_a_missing_recipient_is_recognised_by_the_code_or_its_enhanced_status(
    code: int, text: str
) -> None:
    assert refusals.is_of_recipient(code=code, text=text)


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (550, "5.7.1 Message rejected by policy"),
        (550, "5.7.1 Unable to relay"),
        (550, "5.1.0 Sender rejected"),
        (550, "5.1.7 Bad sender's address"),
        (550, "5.1.8 Sender address rejected: Domain not found"),
        (550, "5.2.1 The user is receiving mail at a rate that prevents more"),
        (550, "5.4.1 Recipient address rejected: Access denied"),
        (550, "4.1.1 Odd, and not for good"),
        (552, "5.2.2 Mailbox full"),
        (552, "Mailbox full"),
        (554, "5.1.1 Transaction failed"),
        (554, "5.7.1 Relay access denied"),
        (521, "5.1.1 Host takes no mail"),
        (450, "4.1.1 Later"),
        (450, "No such user"),
        (550, "relay not permitted"),
        (550, "Administrative prohibition"),
        (550, "Your IP is listed at example.org"),
        (550, "SPF check failed"),
        (550, "Too many recipients"),
        (550, "Blocked, see https://example.com/why"),
        (553, "sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)"),
        (551, "we do not relay"),
        (550, "Greylisted, try again later"),
        (550, "authentication required"),
    ],
)
def test_a_refusal_that_may_be_about_something_else_suppresses_nobody(code: int, text: str) -> None:
    assert not refusals.is_of_recipient(code=code, text=text)


@pytest.mark.parametrize(
    ("text", "is_soft"),
    [
        ("", False),
        ("smtp;550 5.1.1 user unknown", False),
        ("550 5.2.1 Mailbox disabled", False),
        ("user unknown", False),
        ("smtp;452 4.2.2 Over quota", True),
        ("552 5.2.2 Mailbox full", True),
        ("552 5.3.4 Message too big", True),
        ("550 5.7.1 Policy", True),
        ("554 5.6.0 Content", True),
    ],
)
def test_a_status_says_that_a_bounce_is_not_for_good(text: str, is_soft: bool) -> None:
    assert refusals.is_certainly_soft(text) is is_soft
