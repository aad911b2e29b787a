"""Checks of enrollments: where each stands, who works on it, what it keeps others from."""

from collections.abc import Sequence
from datetime import timedelta

from django.db.models import Exists, F, OuterRef, Q

from events.models import Enrollment, Step
from events.models import Sequence as SequenceRow
from events.services.sequences import parked_enrollments
from subscribers.models import Subscriber
from subscribers.services.audits.audits import Audit, Check, Finding, Level, suspects

AREA = "Enrollments"
Status = Enrollment.Status
GOING = (Status.ACTIVE, Status.WAITING)
HELD = (Status.WAITING_CONFIRMATION, Status.PAUSED)
ENDED = (Status.COMPLETED, Status.STOPPED, Status.CANCELLED, Status.FAILED, Status.EXPIRED)
ONE_TIME = SequenceRow.Mode.ONE_TIME
# The reaper looks every few seconds.
LATE_LEASE = timedelta(minutes=5)
RESTART = "Restart the worker; if it stays so, report it. The enrollment's page can cancel it."


def confirmed_people_waiting(audit: Audit) -> Sequence[Finding]:
    """Find enrollments that wait for the confirmation of somebody active."""
    return _of(
        (Status.WAITING_CONFIRMATION,),
        Q(subscriber__status=Subscriber.Status.ACTIVE),
        audit,
        what="Enrollments wait for the confirmation of people who are active",
        remedy="Pause the enrollment and resume it on its page in the admin: it goes on then.",
    )


def places_not_taken(audit: Audit) -> Sequence[Finding]:
    """Find enrollments under way without an entry slot: the person could enter twice."""
    return _of(
        Enrollment.UNDER_WAY,
        Q(entry_slot=None),
        audit,
        what="Enrollments are under way, but do not take their place",
        remedy="Cancel them on their page in the admin, and enroll the person again.",
    )


def places_not_left(audit: Audit) -> Sequence[Finding]:
    """Find ended enrollments that keep their slot in a sequence that people may enter again."""
    return _of(
        ENDED,
        Q(entry_slot__isnull=False) & ~Q(sequence__enrollment_mode=ONE_TIME),
        audit,
        what="Enrollments are over, but keep the person from entering again",
        remedy="Change how often people may enter it in the admin, and change it back.",
    )


def places_lost(audit: Audit) -> Sequence[Finding]:
    """Find ended enrollments of sequences entered once that would let the person in again."""
    # Who never confirmed never entered.
    statuses = tuple(status for status in ENDED if status != Status.EXPIRED)
    return _of(
        statuses,
        Q(entry_slot=None, sequence__enrollment_mode=ONE_TIME),
        audit,
        what="Enrollments of sequences entered once would let the person in again",
        remedy="As it should be where the sequence became one of that kind later.",
        level=Level.WARNING,
    )


def never_due(audit: Audit) -> Sequence[Finding]:
    """Find enrollments that go on by the clock and have no time."""
    return _of(
        GOING,
        Q(due_at=None, awaits=""),
        audit,
        what="Enrollments are to go on, but are never due",
        remedy="Pause the enrollment and resume it on its page in the admin: it is due then.",
    )


def due_although_held(audit: Audit) -> Sequence[Finding]:
    """Find enrollments that are held or over, and that a worker would go on with."""
    due = Enrollment.objects.filter(due_at__isnull=False, lease_token=None)
    faulty = Q(status__in=[*HELD, *ENDED])
    return suspects(rows=due, faulty=faulty, audit=audit).finding(
        what="Enrollments are held or over, but due",
        remedy="Stop the worker before they move, clear their due_at, and report it.",
        prefix="enr",
    )


def unowned_leases(audit: Audit) -> Sequence[Finding]:
    """Find claims without an owner, and owners whose claim never ends."""
    no_owner = Q(lease_token=None, lease_expires_at__isnull=False)
    no_end = Q(lease_token__isnull=False, lease_expires_at=None)
    return _of(
        Enrollment.UNDER_WAY,
        no_owner | no_end,
        audit,
        what="Enrollments are claimed by nobody, or for ever",
        remedy=RESTART,
    )


def late_leases(audit: Audit) -> Sequence[Finding]:
    """Find claims that ran out minutes ago and that no worker gave back."""
    leased = Enrollment.objects.filter(lease_token__isnull=False)
    faulty = Q(lease_expires_at__lt=audit.now - LATE_LEASE)
    return suspects(rows=leased, faulty=faulty, audit=audit).finding(
        what="Enrollments are claimed by a worker that is gone",
        remedy="Any worker gives them back within a minute: start one (manage.py worker).",
        prefix="enr",
    )


def lost_steps(audit: Audit) -> Sequence[Finding]:
    """Find enrollments without a step, or with a step or version that is not their sequence's."""
    faulty = Q(step=None) | ~Q(step__version=F("version")) | ~Q(version__sequence=F("sequence"))
    return _of(
        Enrollment.UNDER_WAY,
        faulty,
        audit,
        what="Enrollments stand at no step of their version",
        remedy="Cancel them on their page in the admin, and enroll the person again.",
    )


def foreign_enrollments(audit: Audit) -> Sequence[Finding]:
    """Find enrollments of people of another workspace."""
    foreign = ~Q(workspace=F("subscriber__workspace")) | ~Q(workspace=F("sequence__workspace"))
    return suspects(rows=Enrollment.objects.all(), faulty=foreign, audit=audit).finding(
        what="Enrollments are of another workspace than their person or sequence",
        remedy="Cancel them on their page in the admin, and report how they came.",
        prefix="enr",
    )


def forgotten_parked(audit: Audit) -> Sequence[Finding]:
    """Find enrollments that were held with their sequence, which is active again."""
    return _of(
        (Status.PAUSED,),
        Q(reason=parked_enrollments.REASON, sequence__status=SequenceRow.Status.ACTIVE),
        audit,
        what="Enrollments are held with their sequence, which is active",
        remedy="Pause the sequence and switch it on again in the admin: they go on then.",
    )


def orphaned(audit: Audit) -> Sequence[Finding]:
    """Find enrollments without their person, or without their step."""
    nobody = ~Exists(Subscriber.objects.filter(pk=OuterRef("subscriber_id")))
    nowhere = Q(step_id__isnull=False) & ~Q(Exists(Step.objects.filter(pk=OuterRef("step_id"))))
    return suspects(rows=Enrollment.objects.all(), faulty=Q(nobody) | nowhere, audit=audit).finding(
        what="Enrollments without their subscriber or step",
        remedy="Was the database changed by hand, or restored in part? Delete these rows.",
        prefix="enr",
    )


def _of(
    statuses: Sequence[Status],
    faulty: Q,
    audit: Audit,
    *,
    what: str,
    remedy: str,
    level: Level = Level.PROBLEM,
) -> list[Finding]:
    """Return what is faulty among the enrollments of each status, which an index finds, newest
    first.
    """
    findings: list[Finding] = []
    for status in statuses:
        found = suspects(rows=Enrollment.objects.filter(status=status), faulty=faulty, audit=audit)
        said = f"{what} ({status.label.lower()})"
        findings += found.finding(what=said, remedy=remedy, prefix="enr", level=level)
    return findings


CHECKS = (
    Check(AREA, "confirmed", "None waits for somebody active.", confirmed_people_waiting),
    Check(AREA, "places", "Each that is under way takes its place.", places_not_taken),
    Check(AREA, "left places", "None that is over keeps anybody out.", places_not_left),
    Check(AREA, "once", "Who entered once stays out.", places_lost),
    Check(AREA, "due", "Each that goes on is due some time.", never_due),
    Check(AREA, "held", "None that is held or over is due.", due_although_held),
    Check(AREA, "leases", "Every claim has an owner and an end.", unowned_leases),
    Check(AREA, "late leases", "No claim ran out.", late_leases),
    Check(AREA, "steps", "Each stands at a step of its version.", lost_steps),
    Check(AREA, "workspaces", "Each is of its person's workspace.", foreign_enrollments),
    Check(AREA, "parked", "None is forgotten after a pause.", forgotten_parked),
    Check(AREA, "orphans", "Each has its person and step.", orphaned),
)
