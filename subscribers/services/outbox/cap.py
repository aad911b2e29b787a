"""The cap of a workspace: so many marketing mails to one person in so many hours."""

from datetime import datetime, timedelta

from subscribers.models import OutgoingEmail, Subscriber, Workspace

Status = OutgoingEmail.Status
COUNTED = (Status.SENDING, Status.SENT, Status.UNKNOWN)


def capped_until(
    *, workspace: Workspace, subscriber: Subscriber, kind: str, now: datetime
) -> datetime | None:
    """Return when the cap allows another mail of a kind; None when it does now."""
    if not workspace.mail_cap or kind != OutgoingEmail.Kind.MARKETING:
        return None
    window = timedelta(hours=workspace.mail_cap_hours)
    latest = OutgoingEmail.objects.filter(
        subscriber=subscriber,
        kind=OutgoingEmail.Kind.MARKETING,
        status__in=COUNTED,
        sending_since__gt=now - window,
    )
    times = [email.sending_since for email in latest.order_by("-id")[: workspace.mail_cap]]
    return min(filter(None, times)) + window if len(times) == workspace.mail_cap else None
