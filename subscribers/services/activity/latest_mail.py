"""Which mail a person unsubscribed from: their link names the person, so it is the latest."""

from datetime import datetime
from uuid import UUID

from subscribers.models import MailActivity, OutgoingEmail
from subscribers.services.activity import recording
from subscribers.services.activity.recording import Seen

# Stored as the reason.
ASSUMED = "latest_mail"


def note_unsubscribed(*, subscriber_id: UUID, now: datetime) -> None:
    """Record it with the latest marketing mail sent to the person, if there is one. Idempotent."""
    sent = OutgoingEmail.objects.filter(
        subscriber=subscriber_id,
        kind=OutgoingEmail.Kind.MARKETING,
        status=OutgoingEmail.Status.SENT,
    )
    email = sent.defer("html", "text", "headers").order_by("-id").first()
    if email is not None:
        kind = MailActivity.Kind.UNSUBSCRIBED
        recording.record(seen=[Seen(email=email, kind=kind, at=now, reasons=[ASSUMED])])
