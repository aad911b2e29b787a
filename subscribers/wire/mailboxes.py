"""Which addresses most likely reach one mailbox, and at which domains anybody can open one.

Only for counting mails, never to tell people apart: on some servers `a+b@` and `a@` are different
people. A rule is a line of `_PROVIDERS` or `_WITH_SUBDOMAINS`, with its source.
"""

from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from publicsuffixlist import PublicSuffixList

# Domains where anybody can open a mailbox: many sign-ups from one of them are no attack.
FREE_MAIL_DOMAINS = frozenset({
    "126.com", "163.com", "aliyun.com", "aol.com", "att.net", "bigpond.com", "bk.ru", "bluewin.ch",
    "bol.com.br", "btinternet.com", "comcast.net", "cox.net", "duck.com", "email.cz",
    "fastmail.com", "foxmail.com", "free.fr", "freenet.de", "gmail.com", "gmx.at", "gmx.ch",
    "gmx.com", "gmx.de", "gmx.net", "googlemail.com", "hey.com", "hotmail.co.uk", "hotmail.com",
    "hotmail.de", "hotmail.es", "hotmail.fr", "hotmail.it", "icloud.com", "inbox.ru", "interia.pl",
    "laposte.net", "libero.it", "list.ru", "live.co.uk", "live.com", "live.fr", "live.nl",
    "mac.com", "mail.com", "mail.de", "mail.ru", "mailbox.org", "me.com", "msn.com", "naver.com",
    "o2.pl", "onet.pl", "online.de", "op.pl", "orange.fr", "outlook.com", "outlook.de",
    "outlook.es", "outlook.fr", "pm.me", "posteo.de", "proton.me", "protonmail.com", "qq.com",
    "rambler.ru", "rediffmail.com", "rocketmail.com", "sbcglobal.net", "seznam.cz", "sfr.fr",
    "shaw.ca", "sina.com", "sky.com", "t-online.de", "telenet.be", "terra.com.br", "tuta.com",
    "tutanota.com", "uol.com.br", "verizon.net", "virgilio.it", "virginmedia.com", "wanadoo.fr",
    "web.de", "wp.pl", "ya.ru", "yahoo.ca", "yahoo.co.in", "yahoo.co.jp", "yahoo.co.uk",
    "yahoo.com", "yahoo.com.br", "yahoo.de", "yahoo.es", "yahoo.fr", "yahoo.it", "yandex.com",
    "yandex.ru", "ymail.com", "zoho.com",
})  # fmt: skip


class _Provider(NamedTuple):
    """Domains of one mailbox, the first of which stands for all, and characters that are equal."""

    domains: tuple[str, ...]
    characters: Mapping[int, int | None]


# Outlook has no line: its domains and dots are different mailboxes, and only a plus is none
# (learn.microsoft.com, "Plus Addressing in Exchange Online").
_PROVIDERS = (
    # "Dots don't matter in Gmail addresses": support.google.com/mail/answer/7436150
    _Provider(("gmail.com", "googlemail.com"), str.maketrans("", "", ".")),
    # One account's addresses at three domains: support.apple.com/118230
    _Provider(("icloud.com", "me.com", "mac.com"), {}),
    # One name at four domains: proton.me/support/addresses-and-aliases. Without dots, hyphens and
    # underscores: `removeEmailAlias` in github.com/ProtonMail/WebClients, src/helpers/string.js
    _Provider(
        ("proton.me", "protonmail.com", "pm.me", "protonmail.ch"), str.maketrans("", "", ".-_")
    ),
    # One mailbox at each domain: yandex.com/support/domain/additional/mailbox-alias.xml; dots and
    # hyphens of a login are equal.
    _Provider(
        ("yandex.ru", "ya.ru", "yandex.com", "narod.ru", "yandex.az", "yandex.by", "yandex.co.il",
         "yandex.com.am", "yandex.com.ge", "yandex.com.tr", "yandex.com.ua", "yandex.ee",
         "yandex.fr", "yandex.kg", "yandex.kz", "yandex.lt", "yandex.lv", "yandex.md",
         "yandex.tj", "yandex.tm", "yandex.ua", "yandex.uz"),
        str.maketrans(".", "-"),
    ),
)  # fmt: skip
_PROVIDER_BY_DOMAIN = {domain: each for each in _PROVIDERS for domain in each.domains}
# Fastmail's domains, where `tag@name.fastmail.com` is `name@fastmail.com`, also for a name with an
# underscore, which becomes a hyphen: fastmail.help/hc/en-us/articles/360060591053,
# fastmail.com/blog/two-address-resolving-additions
_WITH_SUBDOMAINS = frozenset({
    "123mail.org", "150mail.com", "16mail.com", "2-mail.com", "4email.net", "50mail.com",
    "airpost.net", "allmail.net", "bestmail.us", "cluemail.com", "elitemail.org", "eml.cc",
    "f-m.fm", "fast-email.com", "fast-mail.org", "fastem.com", "fastemail.us", "fastemailer.com",
    "fastest.cc", "fastimap.com", "fastmail.cn", "fastmail.co.uk", "fastmail.com",
    "fastmail.com.au", "fastmail.de", "fastmail.es", "fastmail.fm", "fastmail.fr", "fastmail.im",
    "fastmail.in", "fastmail.jp", "fastmail.mx", "fastmail.net", "fastmail.nl", "fastmail.org",
    "fastmail.se", "fastmail.to", "fastmail.tw", "fastmail.uk", "fastmail.us", "fastmailbox.net",
    "fastmessaging.com", "fea.st", "fmail.co.uk", "fmailbox.com", "fmgirl.com", "fmguy.com",
    "ftml.net", "hailmail.net", "imap.cc", "imapmail.org", "inoutbox.com", "internet-mail.org",
    "jetemail.net", "letterboxes.org", "mailbolt.com", "mailc.net", "mailcan.com", "mailforce.net",
    "mailhaven.com", "mailite.com", "mailworks.org", "ml1.net", "mm.st", "myfastmail.com",
    "nospammail.net", "ownmail.net", "petml.com", "postinbox.com", "postpro.net", "proinbox.com",
    "promessage.com", "realemail.net", "reallyfast.biz", "reallyfast.info", "rushpost.com",
    "sent.as", "sent.at", "sent.com", "speedpost.net", "speedymail.org", "ssl-mail.com",
    "swift-mail.com", "the-fastest.net", "veryfast.biz", "veryspeedy.net", "warpmail.net",
    "xsmail.com", "yepmail.net", "your-mail.com",
})  # fmt: skip


def folded(email_key: str) -> str:
    """Return the address that stands for all of its mailbox's; `email_key` is what addresses
    compare by. Everywhere what follows a plus is dropped.
    """
    local, _, domain = email_key.rpartition("@")
    name, _, parent = domain.partition(".")
    if parent in _WITH_SUBDOMAINS:
        local, domain = name, parent
    # An address may begin with a plus, which then belongs to its name.
    local = local.partition("+")[0] or local
    if domain in _WITH_SUBDOMAINS:
        local = local.replace("_", "-")
    if provider := _PROVIDER_BY_DOMAIN.get(domain):
        local, domain = local.translate(provider.characters) or local, provider.domains[0]
    return f"{local}@{domain}"


def counted_domain(email_key: str) -> str:
    """Return the domain that somebody registered, for an address at it or at a subdomain. At hosts
    such as github.io every name is another owner's.
    """
    domain = folded(email_key).rpartition("@")[2]
    registered = _public_suffixes().privatesuffix(domain) or domain
    # One provider's domains are one, also by their subdomains.
    provider = _PROVIDER_BY_DOMAIN.get(registered)
    return provider.domains[0] if provider else registered


@cache
def _public_suffixes() -> PublicSuffixList:
    """publicsuffix.org's list as the package has it; read at first use, which takes 0.1 s."""
    return PublicSuffixList()
