"""Which visits are a person's, a machine's, or not known."""

from typing import Any

import pytest

from subscribers.models import MailActivity
from subscribers.services.activity import rules
from subscribers.services.activity.rules import Facts, Visit
from tests.support.tracked_mail import FIREFOX

Kind = MailActivity.Kind
OUTLOOK = "Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 10.0; Microsoft Outlook 16.0.5226)"
GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
GMAIL_AHEAD = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/42.0.2311.135 Safari/537.36 Edge/12.246 Mozilla/5.0"
)


@pytest.mark.parametrize(
    ("kind", "visit", "quality", "reasons"),
    [
        (Kind.CLICKED, {"user_agent": FIREFOX, "destination": "document"}, "human", ["page"]),
        (Kind.OPENED, {"user_agent": FIREFOX, "destination": "image"}, "human", ["picture"]),
        (Kind.OPENED, {"user_agent": "Mozilla/5.0 Thunderbird/140.0"}, "human", ["mail_program"]),
        (Kind.OPENED, {"user_agent": OUTLOOK}, "human", ["mail_program"]),
        # Nothing is known of it.
        (Kind.CLICKED, {"user_agent": FIREFOX}, "unknown", []),
        (Kind.OPENED, {"user_agent": FIREFOX}, "unknown", []),
        (Kind.OPENED, {"user_agent": ""}, "unknown", []),
        (Kind.OPENED, {"user_agent": FIREFOX, "destination": "document"}, "unknown", []),
        (Kind.OPENED, {"user_agent": GMAIL}, "unknown", ["picture_proxy"]),
        (Kind.OPENED, {"user_agent": "YahooMailProxy; https://help.yahoo.com"}, "unknown",
         ["picture_proxy"]),
        (Kind.CLICKED, {"user_agent": "Mozilla/5.0 (Linux; Android 9; CUBOT X19)",
                        "destination": "document"}, "human", ["page"]),
        # Machines, which no sign of a person excuses.
        (Kind.OPENED, {"user_agent": "Mozilla/5.0"}, "machine", ["apple"]),
        (Kind.CLICKED, {"user_agent": "Mozilla/5.0"}, "unknown", []),
        (Kind.OPENED, {"user_agent": GMAIL_AHEAD, "destination": "image"}, "machine",
         ["gmail_ahead"]),
        (Kind.CLICKED, {"user_agent": FIREFOX, "destination": "document", "is_head": True},
         "machine", ["head"]),
        (Kind.CLICKED, {"user_agent": FIREFOX, "destination": "document", "purpose": "prefetch"},
         "machine", ["ahead"]),
        (Kind.CLICKED, {"user_agent": "python-requests/2.34"}, "machine", ["scanner"]),
        (Kind.CLICKED, {"user_agent": "HeadlessChrome/140.0", "destination": "document"},
         "machine", ["scanner"]),
        (Kind.CLICKED, {"user_agent": "Barracuda Sentinel (EE)"}, "machine", ["scanner"]),
        (Kind.CLICKED, {"user_agent": "Slackbot-LinkExpanding 1.0"}, "machine", ["scanner"]),
        (Kind.CLICKED, {"user_agent": "curl/8.5", "is_head": True}, "machine", ["head", "scanner"]),
    ],
)  # fmt: skip
def test_a_visit_is_judged_by_named_rules(
    kind: MailActivity.Kind, visit: dict[str, Any], quality: str, reasons: list[str]
) -> None:
    verdict = rules.judge(Facts(visit=Visit(**visit), kind=kind, seconds_since_sent=60))

    assert (verdict.quality, verdict.reasons) == (quality, reasons)


@pytest.mark.parametrize(
    ("seconds", "quality"), [(0, "machine"), (1.9, "machine"), (2, "human"), (None, "human")]
)
def test_within_two_seconds_nobody_reads_a_mail(seconds: float | None, quality: str) -> None:
    visit = Visit(user_agent=FIREFOX, destination="document")

    verdict = rules.judge(Facts(visit=visit, kind=Kind.CLICKED, seconds_since_sent=seconds))

    assert verdict.quality == quality


def test_each_rule_has_its_own_name_and_a_sentence() -> None:
    assert set(rules.SENTENCES) == {*(rule.name for rule in rules.RULES), rules.ONE_OF_MANY}
    assert len(rules.SENTENCES) == len(rules.RULES) + 1
    assert all(sentence and not sentence.endswith(".") for sentence in rules.SENTENCES.values())
