"""Confirmation emails per mailbox: one a day, three in all; more are refused, never delayed.

`a+1@` and `a+2@` are one mailbox, and the count outlives the subscriber, so that nobody can fill a
stranger's mailbox. A confirmation resets the count.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import QuerySet

from subscribers.models import AskedAddress, Workspace
from subscribers.services.storage import quick_rows, sql_values
from subscribers.wire.address_hashes import mailbox_hash

MOST_MAILS = 3
PAUSE = timedelta(hours=24)
ASKED_RECENTLY = "asked_recently"
ASKED_TOO_OFTEN = "asked_too_often"
_COUNT = """
ON CONFLICT (workspace_id, mailbox_hash) DO UPDATE
SET mails = subscribers_askedaddress.mails + 1, asked_at = excluded.asked_at
WHERE subscribers_askedaddress.mails = 0
    OR (subscribers_askedaddress.mails < %s AND subscribers_askedaddress.asked_at <= %s)
RETURNING mails
"""


@dataclass(frozen=True, slots=True)
class Refused:
    """The word why an email is refused, and when one is possible, None if never."""

    reason: str
    until: datetime | None = None


def take(
    *, workspace: Workspace, email_key: str, now: datetime, is_reminder: bool = False
) -> Refused | None:
    """Count one email to the mailbox, or return why it is refused. A reminder ignores the
    pause. Holds the mailbox's row until the caller's transaction ends, after the subscriber's lock.
    """
    rows = _rows(workspace, email_key)
    pause = timedelta(0) if is_reminder else PAUSE
    stored = next(iter(rows), None)
    # A certain refusal need not wait for the row.
    if stored and (refused := _refused(stored, now, pause)):
        return refused
    mailbox = mailbox_hash(workspace.address_hash_key, email_key)
    first = AskedAddress(workspace=workspace, mailbox_hash=mailbox, mails=1, asked_at=now)
    # Waits for the row's lock and checks again then.
    parameters = sql_values.adapted(MOST_MAILS, now - pause)
    if quick_rows.insert_or(first, otherwise=_COUNT, parameters=parameters):
        return None
    return _refused(rows.get(), now, pause) or Refused(ASKED_RECENTLY, now + pause)


def begin_anew(*, workspace: Workspace, email_key: str) -> None:
    """Reset a mailbox's count after its owner answered."""
    _rows(workspace, email_key).update(mails=0)


def _rows(workspace: Workspace, email_key: str) -> QuerySet[AskedAddress]:
    mailbox = mailbox_hash(workspace.address_hash_key, email_key)
    return AskedAddress.objects.filter(workspace=workspace, mailbox_hash=mailbox)


def _refused(counted: AskedAddress, now: datetime, pause: timedelta) -> Refused | None:
    if counted.mails >= MOST_MAILS:
        return Refused(ASKED_TOO_OFTEN)
    is_early = counted.mails and counted.asked_at > now - pause
    return Refused(ASKED_RECENTLY, counted.asked_at + pause) if is_early else None
