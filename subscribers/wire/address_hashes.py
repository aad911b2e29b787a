"""Keyed hashes of addresses: what remains of an address when the person is erased.

HMAC-SHA256 under a random value of the workspace, stored in the database: no rotation of a setting
loses a suppression, and hashes of one address differ between workspaces.
"""

import hashlib
import hmac

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
# Dots in the local part mean nothing there, and both domains are the same mailbox.
_GMAIL_DOMAINS = frozenset({"gmail.com", "googlemail.com"})


def address_hash(key: str, email_key: str) -> str:
    """Return the hash of an address, 64 hex digits; `email_key` is what addresses compare by."""
    return hmac.new(key.encode(), email_key.encode(), hashlib.sha256).hexdigest()


def mailbox_hash(key: str, email_key: str) -> str:
    """Return the hash of the mailbox that an address most likely reaches, 64 hex digits.

    Drops what follows a plus, and Gmail's dots. Only for counting mails: on some servers `a+b@` and
    `a@` are different people.
    """
    return address_hash(key, _fold(email_key))


def domain_of(email_key: str) -> str:
    return email_key.rpartition("@")[2]


def _fold(email_key: str) -> str:
    local, _, domain = email_key.rpartition("@")
    # An address may begin with a plus, which then belongs to its name.
    local = local.partition("+")[0] or local
    if domain in _GMAIL_DOMAINS:
        local, domain = local.replace(".", ""), "gmail.com"
    return f"{local}@{domain}"
