"""The links in confirmation mails: signed, good for seven days and until the question is answered.

A link's token is `id.moment.mark.signature`: the confirmation's id, when it was signed, a mark by
the person's own secret (the one that links to leave by hold), and a signature under SECRET_KEY with
a salt of its own. When that key changes, all open links end; by the mark we still know whose such a
link was, so that its page can send a fresh one. The mark alone confirms nobody.
"""

import hashlib
import hmac
import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from uuid import UUID

from django.conf import settings
from django.core.signing import BadSignature, Signer, b62_decode, b62_encode

from subscribers.models import Confirmation, Subscriber

SALT = "cueline.confirmation"
GOOD_FOR = timedelta(days=7)
LONGEST_TOKEN = 200
# 128 bits and a few, in base 64.
_MARK_LENGTH = 22
_TOKEN = re.compile(
    r"(?P<id>[0-9a-f]{32})\.(?P<moment>[0-9A-Za-z]{1,8})\.(?P<mark>[\w-]{22})\.[\w-]{43}", re.ASCII
)
# Who can still say yes.
CAN_CONFIRM = (Subscriber.Status.PENDING, Subscriber.Status.UNSUBSCRIBED)


class LinkState(Enum):
    """What a link is good for."""

    OPEN = "open"
    # Too old, signed under an earlier SECRET_KEY, or the question was given up.
    EXPIRED = "expired"
    USED = "used"
    # Not ours, or of somebody who was deleted.
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Link:
    """A link as it was read; whose it is, unless it is unknown."""

    state: LinkState
    confirmation: Confirmation | None = None


def link(confirmation: Confirmation, now: datetime) -> str:
    """Return the address of the page to confirm on, good for seven days from `now`."""
    # Not reversed: the worker would load the URL conf, with the admin and the API, for one path.
    return f"{settings.PUBLIC_URL}/c/{token(confirmation, now)}"


def token(confirmation: Confirmation, now: datetime) -> str:
    """Return what such an address ends with: letters, digits, `.`, `-` and `_`."""
    payload = f"{confirmation.pk.hex}.{b62_encode(int(now.timestamp()))}"
    return _signer().sign(f"{payload}.{_mark(payload, confirmation.subscriber)}")


def with_fresh_links(text: str, *, confirmation: Confirmation, now: datetime) -> str:
    """Return a mail's text with its links to one question signed anew, good from `now`."""
    fresh = token(confirmation, now)

    def renewed(found: re.Match[str]) -> str:
        return fresh if found["id"] == confirmation.pk.hex else found[0]

    return _TOKEN.sub(renewed, text)


def without_tokens(text: str) -> str:
    """Return a mail's text as it is whoever gets it and whenever its links were signed."""
    return _TOKEN.sub("", text)


def read_link(token: str, now: datetime) -> Link:
    """Return what a link is good for; never raises, whatever the text. The workspace comes along.

    One query, and none for what does not look like a link of ours.
    """
    read = _TOKEN.fullmatch(token) if len(token) <= LONGEST_TOKEN else None
    if read is None:
        return Link(LinkState.UNKNOWN)
    rows = Confirmation.objects.select_related("workspace", "subscriber")
    confirmation = rows.filter(pk=UUID(read["id"])).first()
    if confirmation is None or not _is_marked(read, confirmation.subscriber):
        return Link(LinkState.UNKNOWN)
    if confirmation.confirmed_at or confirmation.subscriber.status not in CAN_CONFIRM:
        return Link(LinkState.USED, confirmation)
    if confirmation.closed_at or not _is_signed(token) or now > _moment(read) + GOOD_FOR:
        return Link(LinkState.EXPIRED, confirmation)
    return Link(LinkState.OPEN, confirmation)


def _is_marked(read: re.Match[str], subscriber: Subscriber) -> bool:
    """Tell whether we made the link for this person, under whatever SECRET_KEY."""
    expected = _mark(f"{read['id']}.{read['moment']}", subscriber)
    return hmac.compare_digest(expected, read["mark"])


def _is_signed(token: str) -> bool:
    try:
        _signer().unsign(token)
    except BadSignature:
        return False
    return True


def _moment(read: re.Match[str]) -> datetime:
    return datetime.fromtimestamp(b62_decode(read["moment"]), tz=UTC)


def _mark(payload: str, subscriber: Subscriber) -> str:
    key, message = subscriber.unsubscribe_token.encode(), f"{SALT}:{payload}".encode()
    digest = hmac.new(key, message, hashlib.sha256).digest()
    return urlsafe_b64encode(digest).decode()[:_MARK_LENGTH]


def _signer() -> Signer:
    return Signer(salt=SALT, sep=".")
