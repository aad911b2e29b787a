"""The rules that say whether a person or a machine opened a mail or followed its link.

A machine's rule wins over all others, and a doubt over a sign of a person. What no rule knows is
"unknown". A visit is judged once, in memory: neither its address nor its program is stored.

Sources: Gmail's two programs: mautic/mautic#10245 and #16069; Apple's program: its proxies send
"Mozilla/5.0" and nothing more (Mail Privacy Protection); `Sec-Fetch-*`: W3C Fetch Metadata, sent to
https and to this machine only; `Sec-Purpose`: WHATWG Fetch.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from subscribers.models import MailActivity

Kind = MailActivity.Kind
Quality = MailActivity.Quality
# Nobody reads a mail so soon.
SOONEST_SECONDS = 2
_SCANNER = re.compile(
    r"(?<!cu)bot\b|crawl|spider|scan|preview|headless|phantom|selenium|puppeteer|playwright"
    r"|curl/|wget/|python|java/|go-http|okhttp|libwww|httpclient|aiohttp|axios|node-fetch|ruby"
    r"|barracuda|proofpoint|mimecast|symantec|fireeye|trendmicro|trend micro|sophos|ironport"
    r"|forcepoint|mcafee|bitdefender|safelinks|urldefense|virustotal|cloudmark",
    re.IGNORECASE,
)
_PICTURE_PROXY = re.compile(r"GoogleImageProxy|YahooMailProxy", re.IGNORECASE)
_MAIL_PROGRAM = re.compile(r"Thunderbird/|Microsoft Outlook", re.IGNORECASE)
_APPLE = "Mozilla/5.0"
_GMAIL_AHEAD = "Edge/12.246 Mozilla/5.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """What is known of a request for a link or picture, from us or from a delivery service."""

    user_agent: str = ""
    is_head: bool = False
    # `Sec-Fetch-Dest`, and `Sec-Purpose` or what browsers sent before it.
    destination: str = ""
    purpose: str = ""


UNSEEN = Visit()


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    visit: Visit
    kind: MailActivity.Kind
    # None: it is not known that it was sent.
    seconds_since_sent: float | None


class Rule(NamedTuple):
    name: str
    quality: MailActivity.Quality
    # A clause: what it was.
    sentence: str
    applies: Callable[[Facts], bool]


RULES = (
    Rule("head", Quality.MACHINE, "the request asked for headers only, which link checkers do",
         lambda facts: facts.visit.is_head),
    Rule("too_soon", Quality.MACHINE, "it came within two seconds of sending",
         lambda facts: facts.seconds_since_sent is not None
         and facts.seconds_since_sent < SOONEST_SECONDS),
    Rule("scanner", Quality.MACHINE, "the program calls itself a scanner or a script",
         lambda facts: _SCANNER.search(facts.visit.user_agent) is not None),
    Rule("ahead", Quality.MACHINE, "a browser loaded it ahead, before anybody asked for it",
         lambda facts: bool(facts.visit.purpose)),
    Rule("apple", Quality.MACHINE, "Apple Mail Privacy Protection loads every picture",
         lambda facts: facts.kind == Kind.OPENED and facts.visit.user_agent == _APPLE),
    Rule("gmail_ahead", Quality.MACHINE, "Gmail loads pictures of new mail with this program",
         lambda facts: facts.visit.user_agent.endswith(_GMAIL_AHEAD)),
    Rule("picture_proxy", Quality.UNKNOWN,
         "a proxy of Gmail or Yahoo asked: mostly for a person, sometimes ahead",
         lambda facts: _PICTURE_PROXY.search(facts.visit.user_agent) is not None),
    Rule("page", Quality.HUMAN, "a browser opened it as a page",
         lambda facts: facts.kind == Kind.CLICKED and facts.visit.destination == "document"),
    Rule("picture", Quality.HUMAN, "a browser showed the picture",
         lambda facts: facts.kind == Kind.OPENED and facts.visit.destination == "image"),
    Rule("mail_program", Quality.HUMAN, "a mail program showed the picture",
         lambda facts: facts.kind == Kind.OPENED
         and _MAIL_PROGRAM.search(facts.visit.user_agent) is not None),
)  # fmt: skip
# Seen afterwards, in the rows: scanners follow links side by side, too.
ONE_OF_MANY = "one_of_many"
SENTENCES = {
    **{rule.name: rule.sentence for rule in RULES},
    ONE_OF_MANY: "several links were followed, or a machine came, within a second",
}
BY_WEIGHT = (Quality.MACHINE, Quality.UNKNOWN, Quality.HUMAN)


class Judgement(NamedTuple):
    quality: MailActivity.Quality
    # Names of the rules that gave it.
    reasons: Sequence[str]


def judge(facts: Facts) -> Judgement:
    applied = [rule for rule in RULES if rule.applies(facts)]
    for quality in BY_WEIGHT:
        reasons = [rule.name for rule in applied if rule.quality == quality]
        if reasons:
            return Judgement(quality, reasons)
    return Judgement(Quality.UNKNOWN, [])
