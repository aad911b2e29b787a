"""Links in confirmation emails: signed, valid for seven days or until the answer.

A token is `id.moment.mark.signature`: the confirmation's id, when it was signed, a mark keyed by
the subscriber's own secret (that of the unsubscribe link), and a signature under SECRET_KEY with a
salt of its own. A new SECRET_KEY expires all open links; the mark still proves whose link it was,
so that its page can send a fresh one. The mark alone confirms nobody.
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
from subscribers.wire import link_tokens

SALT = "cueline.confirmation"
GOOD_FOR = timedelta(days=7)
LONGEST_TOKEN = 200
# 128 bits and a few, in base 64.
_MARK_LENGTH = 22
# Subscribers who can still confirm.
CAN_CONFIRM = (Subscriber.Status.PENDING, Subscriber.Status.UNSUBSCRIBED)


class LinkState(Enum):
    OPEN = "open"
    # Too old, signed under an earlier SECRET_KEY, the confirmation expired, or the subscriber
    # bounced or complained.
    EXPIRED = "expired"
    # It confirmed, or the subscriber is active for another reason.
    USED = "used"
    # Not ours, or the subscriber was deleted.
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Link:
    """A parsed link; its confirmation, unless the link is unknown."""

    state: LinkState
    confirmation: Confirmation | None = None


def link(confirmation: Confirmation, now: datetime) -> str:
    """Return the URL of the confirmation page, valid for seven days from `now`."""
    # Not reversed: the worker would load the URL conf, with the admin and the API, for one path.
    return f"{settings.PUBLIC_URL}/c/{token(confirmation, now)}"


def token(confirmation: Confirmation, now: datetime) -> str:
    """Return the URL's last part: letters, digits, `.`, `-` and `_`."""
    payload = f"{confirmation.pk.hex}.{b62_encode(int(now.timestamp()))}"
    return _signer().sign(f"{payload}.{_mark(payload, confirmation.subscriber)}")


def with_fresh_links(text: str, *, confirmation: Confirmation, now: datetime) -> str:
    """Return an email's text with its links to one confirmation signed again at `now`."""
    fresh = token(confirmation, now)

    def renewed(found: re.Match[str]) -> str:
        return fresh if found["id"] == confirmation.pk.hex else found[0]

    return link_tokens.CONFIRMATION.sub(renewed, text)


def read_link(token: str, now: datetime) -> Link:
    """Return the link's state and its confirmation with the workspace; never raises. One query,
    none for text that does not look like a token.
    """
    read = link_tokens.CONFIRMATION.fullmatch(token) if len(token) <= LONGEST_TOKEN else None
    if read is None:
        return Link(LinkState.UNKNOWN)
    rows = Confirmation.objects.select_related("workspace", "subscriber")
    confirmation = rows.filter(pk=UUID(read["id"])).first()
    if confirmation is None or not _is_marked(read, confirmation.subscriber):
        return Link(LinkState.UNKNOWN)
    status = confirmation.subscriber.status
    if confirmation.confirmed_at or status == Subscriber.Status.ACTIVE:
        return Link(LinkState.USED, confirmation)
    is_over = confirmation.closed_at or status not in CAN_CONFIRM
    if is_over or not _is_signed(token) or now > _moment(read) + GOOD_FOR:
        return Link(LinkState.EXPIRED, confirmation)
    return Link(LinkState.OPEN, confirmation)


def _is_marked(read: re.Match[str], subscriber: Subscriber) -> bool:
    """Tell whether the token was made for this subscriber, under any SECRET_KEY."""
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
