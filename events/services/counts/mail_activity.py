"""Counts of what became of the mails of steps, for roll-ups by sequence, step and day.

A mail counts once for each kind and quality, at the first of its times: so the sum over days is the
number of mails. A bucket can always be counted again as a whole.
"""

from collections import Counter
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, Q

from events.services.counts.roll_ups import Day, first_id_at
from subscribers.models import MailActivity


class Fact(NamedTuple):
    sequence_id: UUID
    step_id: UUID
    # `MailActivity.Kind`.
    kind: str
    # `Quality` of opens and clicks, `BounceType` of bounces, else "".
    quality: str


def counts(*, since: datetime, until: datetime) -> Counter[Fact]:
    """Return how many mails of each step had a fact first in this span; one statement."""
    earlier = MailActivity.objects.filter(
        Q(at__lt=OuterRef("at")) | Q(at=OuterRef("at"), pk__lt=OuterRef("pk")),
        email=OuterRef("email"),
        kind=OuterRef("kind"),
        quality=OuterRef("quality"),
        bounce_type=OuterRef("bounce_type"),
    )
    of_steps = MailActivity.objects.filter(
        ~Exists(earlier), at__gte=since, at__lt=until, email__step_runs__isnull=False
    )
    rows = of_steps.order_by().values_list(
        "email__step_runs__enrollment__sequence",
        "email__step_runs__step",
        "kind",
        "quality",
        "bounce_type",
    )
    found: Counter[Fact] = Counter()
    counted = rows.annotate(mails=Count("email", distinct=True))
    for sequence_id, step_id, kind, quality, bounce_type, mails in counted:
        found[Fact(sequence_id, step_id, kind, quality or bounce_type)] += mails
    return found


def touched_days(*, since: datetime) -> list[datetime]:
    """Return the days of what was stored since a moment, as midnights in UTC: services report late,
    so they may be days before it.
    """
    stored = MailActivity.objects.filter(pk__gte=first_id_at(since))
    days = stored.annotate(day=Day("at", tzinfo=UTC)).values_list("day", flat=True)
    return list(days.order_by("day").distinct())
