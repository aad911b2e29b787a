"""The places of ended enrollments, when a sequence changes how often people may enter."""

from django.db.models import Exists, OuterRef, QuerySet

from events.models import Enrollment, Sequence

ONE_TIME = Sequence.Mode.ONE_TIME
# A person who never confirmed never entered.
NEVER_ENTERED = Enrollment.Status.EXPIRED


def follow_mode(*, sequence: Sequence, before: str) -> None:
    """Free or take places when the sequence stops or starts being entered once.

    The caller holds the sequence's lock. Enrollments under way keep their places. Idempotent.
    """
    if sequence.enrollment_mode == before:
        return
    ended = Enrollment.objects.filter(sequence=sequence).exclude(status__in=Enrollment.UNDER_WAY)
    if before == ONE_TIME:
        ended.filter(entry_slot__isnull=False).update(entry_slot=None)
    elif sequence.enrollment_mode == ONE_TIME:
        _take_places(sequence, ended.exclude(status=NEVER_ENTERED))


def _take_places(sequence: Sequence, ended: QuerySet[Enrollment]) -> None:
    """Give a place to the latest ended enrollment of each person who has none."""
    of_same = Enrollment.objects.filter(sequence=sequence, subscriber=OuterRef("subscriber_id"))
    of_ended = of_same.exclude(status__in=(*Enrollment.UNDER_WAY, NEVER_ENTERED))
    later = of_ended.filter(id__gt=OuterRef("id"))
    latest = ended.filter(~Exists(later), ~Exists(of_same.filter(entry_slot="")))
    latest.update(entry_slot="")
