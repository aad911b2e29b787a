"""The links in confirmation mails: signed, good for seven days and until the question is answered.

A link holds the confirmation's id and its own moment, signed under SECRET_KEY with a salt of its
own. When that key changes, all open links end; people ask for a fresh one by signing up again.
"""

import re
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
_PAYLOAD = re.compile(r"([0-9a-f]{32})\.([0-9A-Za-z]{1,8})", re.ASCII)
# Who can still say yes.
CAN_CONFIRM = (Subscriber.Status.PENDING, Subscriber.Status.UNSUBSCRIBED)


class LinkState(Enum):
    """What a link is good for."""

    OPEN = "open"
    # Too old, or the question was given up.
    EXPIRED = "expired"
    USED = "used"
    # Not ours, of another key, or of somebody who was deleted.
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
    return _signer().sign(f"{confirmation.pk.hex}.{b62_encode(int(now.timestamp()))}")


def read_link(token: str, now: datetime) -> Link:
    """Return what a link is good for; never raises, whatever the text. The workspace comes along.

    One query, and none for what is not ours.
    """
    signed = _read(token)
    if signed is None:
        return Link(LinkState.UNKNOWN)
    confirmation_id, signed_at = signed
    rows = Confirmation.objects.select_related("workspace", "subscriber")
    confirmation = rows.filter(pk=confirmation_id).first()
    if confirmation is None:
        return Link(LinkState.UNKNOWN)
    if confirmation.confirmed_at or confirmation.subscriber.status not in CAN_CONFIRM:
        return Link(LinkState.USED, confirmation)
    if confirmation.closed_at or now > signed_at + GOOD_FOR:
        return Link(LinkState.EXPIRED, confirmation)
    return Link(LinkState.OPEN, confirmation)


def _read(token: str) -> tuple[UUID, datetime] | None:
    """Return the confirmation's id and the link's moment, or None for what we did not sign."""
    if len(token) > LONGEST_TOKEN or not token.isascii():
        return None
    try:
        payload = _PAYLOAD.fullmatch(_signer().unsign(token))
    except BadSignature:
        return None
    if payload is None:
        return None
    return UUID(payload[1]), datetime.fromtimestamp(b62_decode(payload[2]), tz=UTC)


def _signer() -> Signer:
    return Signer(salt=SALT, sep=".")
