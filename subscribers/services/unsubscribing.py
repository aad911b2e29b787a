"""People who leave: by the link in a mail, or because somebody does it for them.

A link's token is the subscriber's id and their own random secret, 32 hex digits each: the primary
key finds the row, so that a guess costs no search, and the secret is compared. Neither depends on
a key of the installation, so links in old mails outlive every rotation.
"""

import hmac
import logging
import re
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from django.db import transaction

from subscribers import reactions
from subscribers.models import Subscriber

logger = logging.getLogger("cueline.unsubscribing")

Status = Subscriber.Status
# Those who bounced or complained stay so: it says more, and they get no mail either.
LEAVING = (Status.PENDING, Status.ACTIVE)
_TOKEN = re.compile(r"([0-9a-f]{32})([0-9a-f]{32})", re.ASCII)


class Method(StrEnum):
    """By what somebody left."""

    # A mail program sent the POST of RFC 8058.
    ONE_CLICK = "one_click"
    PAGE = "page"


def leave(*, subscriber_ids: Sequence[UUID], now: datetime, method: str) -> list[UUID]:
    """Unsubscribe people of one workspace and end what that ends; returns those who left, by id.

    One transaction; locks the subscribers in the order of their ids. Idempotent: who has left,
    bounced or complained stays as they are, and whoever reacts hears of nobody twice.
    """
    with transaction.atomic():
        people = list(Subscriber.objects.filter(pk__in=subscriber_ids).locked())
        left = [person.pk for person in people if person.status in LEAVING]
        if left:
            Subscriber.objects.filter(pk__in=left).update(
                status=Status.UNSUBSCRIBED, unsubscribed_at=now, updated_at=now
            )
            reactions.current().left(subscriber_ids=left, now=now)
    for subscriber_id in left:
        logger.info("Unsubscribed by %s.", method, extra={"subscriber_id": subscriber_id})
    return left


def leave_by_link(*, token: str, now: datetime, method: Method) -> None:
    """Unsubscribe the person whose link it is; nobody for any other text. Idempotent.

    It returns nothing, so that no caller can tell a known token from an unknown one.
    """
    subscriber_id = _owner_of(token)
    if subscriber_id is not None:
        leave(subscriber_ids=[subscriber_id], now=now, method=method)


def link_token(subscriber: Subscriber) -> str:
    """Return what the subscriber's link ends with: 64 hex digits."""
    return f"{subscriber.pk.hex}{subscriber.unsubscribe_token}"


def _owner_of(token: str) -> UUID | None:
    match = _TOKEN.fullmatch(token)
    if match is None:
        return None
    found = Subscriber.objects.filter(pk=UUID(match[1])).values_list("pk", "unsubscribe_token")
    for subscriber_id, secret in found:
        if hmac.compare_digest(secret, match[2]):
            return subscriber_id
    return None
