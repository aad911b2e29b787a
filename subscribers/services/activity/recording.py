"""Writes what became of mails: one row for each fact, however often it is reported.

A mail has a bounded number of rows of each kind and quality, and a row a bounded count, so that no
robot fills the table, nor hides what a person does.
Call it outside transactions: a mail that was erased meanwhile is a fault of its statement.
"""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError
from prometheus_client import Counter

from subscribers.models import MailActivity, OutgoingEmail
from subscribers.wire import link_tokens

MOST_ROWS = 100
MOST_TIMES = 100
LONGEST_URL = 2000
COUNTED = Counter(
    "cueline_email_activity", "Mails delivered, opened, clicked and so on.", ["kind", "quality"]
)
_Key = tuple[object, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One fact about a mail; `quality` is that of opens and clicks, `bounce_type` of bounces."""

    email: OutgoingEmail
    kind: MailActivity.Kind
    at: datetime
    quality: str = ""
    bounce_type: str = ""
    reasons: Sequence[str] = ()
    url: str = ""

    @property
    def url_hash(self) -> str:
        return hash_of(self.url)


def hash_of(url: str) -> str:
    return hashlib.sha256(url.encode()).hexdigest() if url else ""


def record(*, seen: Sequence[Seen]) -> None:
    """Store facts; one at the same time as before, or beyond the bounds, changes nothing.
    Idempotent for facts with their own time.
    """
    known = MailActivity.objects.filter(email__in={each.email.pk for each in seen})
    rows: defaultdict[object, dict[_Key, MailActivity]] = defaultdict(dict)
    for stored in known:
        rows[stored.email_id][_key(stored)] = stored
    new: dict[UUID, MailActivity] = {}
    raised: dict[UUID, MailActivity] = {}
    for each in seen:
        of_email = rows[each.email.pk]
        row = of_email.get(_key(each))
        if row is None:
            alike = sum(key[:2] == (each.kind, each.quality) for key in of_email)
            if alike < MOST_ROWS:
                made = of_email[_key(each)] = _row(each)
                new[made.pk] = made
        elif each.at > row.last_at and row.times < MOST_TIMES:
            row.times, row.last_at = row.times + 1, each.at
            if row.pk not in new:
                raised[row.pk] = row
    _insert(list(new.values()))
    for row in raised.values():
        same = MailActivity.objects.filter(pk=row.pk, last_at__lt=row.last_at)
        same.update(times=row.times, last_at=row.last_at)


def _key(fact: MailActivity | Seen) -> _Key:
    return (fact.kind, fact.quality, fact.bounce_type, fact.url_hash)


def _row(seen: Seen) -> MailActivity:
    return MailActivity(
        workspace_id=seen.email.workspace_id,
        email_id=seen.email.pk,
        subscriber_id=seen.email.subscriber_id,
        kind=seen.kind,
        quality=seen.quality,
        bounce_type=seen.bounce_type,
        reasons=list(seen.reasons),
        url=link_tokens.hidden(seen.url)[:LONGEST_URL],
        url_hash=seen.url_hash,
        at=seen.at,
        last_at=seen.at,
    )


def _insert(rows: Sequence[MailActivity]) -> None:
    try:
        MailActivity.objects.bulk_create(rows, ignore_conflicts=True)
    except IntegrityError:
        # One person was erased or merged meanwhile; the others' rows are stored alone.
        if len(rows) == 1:
            return
        for row in rows:
            _insert([row])
        return
    for row in rows:
        COUNTED.labels(row.kind, row.quality).inc()
