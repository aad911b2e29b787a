"""Counts of what became of mails, for roll-ups by sequence, step and span of time.

A mail counts once for each kind and quality, at the first of its times: so the sum over all spans
is the number of mails. A span can always be counted again as a whole.
"""

from collections import Counter
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q

from events.models import Enrollment
from events.services.counts.roll_ups import first_id_at
from subscribers.models import MailActivity
from subscribers.models.outcome_count import NO_SEQUENCE
from subscribers.services.storage.outcomes import hour_of


class MailFact(NamedTuple):
    workspace_id: UUID
    # Of a mail without a step: `NO_SEQUENCE`, and the mail's kind.
    sequence_id: UUID
    step_key: str
    # `MailActivity.Kind`.
    kind: str
    # `Quality` of opens and clicks, `BounceType` of bounces, else "".
    quality: str


def counts(*, since: datetime, until: datetime) -> Counter[MailFact]:
    """Return how many mails had a fact first in this span, its end excluded; one statement."""
    earlier = MailActivity.objects.filter(
        Q(at__lt=OuterRef("at")) | Q(at=OuterRef("at"), pk__lt=OuterRef("pk")),
        email=OuterRef("email"),
        kind=OuterRef("kind"),
        quality=OuterRef("quality"),
        bounce_type=OuterRef("bounce_type"),
    )
    # A step's run is written a moment after its mail left.
    has_place = Q(email__step_runs__isnull=False) | ~Q(
        email__cause__startswith=Enrollment.MAIL_CAUSE_PREFIX
    )
    first = MailActivity.objects.filter(~Exists(earlier), has_place, at__gte=since, at__lt=until)
    rows = first.order_by().values_list(
        "workspace_id",
        "email__step_runs__enrollment__sequence",
        "email__step_runs__step__key",
        "email__kind",
        "kind",
        "quality",
        "bounce_type",
    )
    found: Counter[MailFact] = Counter()
    counted = rows.annotate(mails=Count("email", distinct=True))
    for workspace_id, sequence_id, key, mail_kind, kind, quality, bounce_type, mails in counted:
        place = (sequence_id, key) if sequence_id else (NO_SEQUENCE, mail_kind)
        fact = MailFact(workspace_id, place[0], place[1], kind, quality or bounce_type)
        found[fact] += mails
    return found


def touched_hours(*, since: datetime, until: datetime) -> list[datetime]:
    """Return the hours before `until` that what was stored since a moment has changed: services
    report late, and an earlier report takes the place of the first one.
    """
    stored = MailActivity.objects.filter(pk__gte=first_id_at(since)).values("email")
    of_mails = MailActivity.objects.filter(email__in=stored, at__lt=until).order_by()
    return sorted({hour_of(at) for at in of_mails.values_list("at", flat=True).iterator()})
