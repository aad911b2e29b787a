"""The readers of a demo's mails: by chance they open them and follow the link; machines do too."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random

from events.services.demo.catalogue import LINK
from subscribers.models import MailActivity, OutgoingEmail, Workspace
from subscribers.services.activity import recording
from subscribers.services.activity.recording import Seen

Kind, Quality = MailActivity.Kind, MailActivity.Quality
# How many of a hundred mails, and by which rule.
OPENED = (
    (44, Quality.HUMAN, "picture"),
    (20, Quality.MACHINE, "apple"),
    (14, Quality.UNKNOWN, "picture_proxy"),
)
CLICKED_OF_OPENED = 30
SCANNED = 6
ROWS_AT_ONCE = 500


def read(*, workspace: Workspace, random: Random, until: datetime) -> None:
    """Store what became of the mails that left until a moment."""
    sent = OutgoingEmail.objects.filter(
        workspace=workspace,
        kind=OutgoingEmail.Kind.MARKETING,
        status=OutgoingEmail.Status.SENT,
    ).defer("html", "text", "headers")
    seen = [
        each for email in sent.order_by("sent_at", "recipient") for each in _life(email, random)
    ]
    known = [each for each in seen if each.at <= until]
    for first in range(0, len(known), ROWS_AT_ONCE):
        recording.record(seen=known[first : first + ROWS_AT_ONCE])


def _life(email: OutgoingEmail, random: Random) -> Iterator[Seen]:
    at = email.sent_at or email.created_at
    at += timedelta(seconds=random.randint(1, 9))
    yield Seen(email=email, kind=Kind.DELIVERED, at=at)
    if random.randrange(100) < SCANNED:
        yield _click(email, at, Quality.MACHINE, "scanner")
    for share, quality, reason in OPENED:
        if random.randrange(100) >= share:
            continue
        at += timedelta(minutes=random.randint(1, 900))
        yield Seen(email=email, kind=Kind.OPENED, at=at, quality=quality, reasons=[reason])
        if quality == Quality.HUMAN and random.randrange(100) < CLICKED_OF_OPENED:
            yield _click(email, at + timedelta(seconds=random.randint(5, 90)), quality, "page")


def _click(email: OutgoingEmail, at: datetime, quality: str, reason: str) -> Seen:
    return Seen(email=email, kind=Kind.CLICKED, at=at, quality=quality, reasons=[reason], url=LINK)
