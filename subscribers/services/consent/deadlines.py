"""Unanswered confirmations: one reminder, then they expire, after times that each workspace sets.

Both functions are jobs: bounded, and safe to run twice at once.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from subscribers import reactions
from subscribers.models import Confirmation, OutgoingEmail, Subscriber, Workspace
from subscribers.services.consent import asking, ledger

Status = Subscriber.Status
EmailStatus = OutgoingEmail.Status
MOST_REMINDED = 500
MOST_GIVEN_UP = 1000
# How many people are locked at once.
MOST_LOCKED = 100


def remind_due(*, now: datetime, limit: int = MOST_REMINDED) -> int:
    """Queue due reminders in all workspaces; returns how many."""
    asking_for_it = Workspace.objects.filter(reminder_hours__gt=0).order_by("pk")
    return sum(remind_in(workspace=workspace, now=now, limit=limit) for workspace in asking_for_it)


def remind_in(*, workspace: Workspace, now: datetime, limit: int = MOST_REMINDED) -> int:
    """Queue a workspace's due reminders, one transaction each. Counts from when the confirmation
    email was sent. Locks: the subscriber, then the mailbox's count.
    """
    reminded = 0
    due = _due_for_reminder(workspace, now)
    question_ids = list(due.order_by("asked_at").values_list("pk", "subscriber_id")[:limit])
    for question_id, subscriber_id in question_ids:
        with transaction.atomic():
            subscriber = Subscriber.objects.locked_one(subscriber_id)
            confirmation = due.filter(pk=question_id).first()
            if subscriber is not None and confirmation is not None:
                confirmation.subscriber = subscriber
                reminded += asking.remind(confirmation=confirmation, now=now)
    return reminded


def give_up_due(*, now: datetime, limit: int = MOST_GIVEN_UP) -> int:
    """Close expired confirmations in all workspaces; returns how many."""
    giving_up = Workspace.objects.filter(give_up_days__gt=0).order_by("pk")
    return sum(give_up_in(workspace=workspace, now=now, limit=limit) for workspace in giving_up)


def give_up_in(*, workspace: Workspace, now: datetime, limit: int = MOST_GIVEN_UP) -> int:
    """Close a workspace's expired confirmations, a hundred a transaction, and expire the
    enrollments that waited for them. The subscribers stay pending and can be asked again. Locks
    them by id.
    """
    given_up = 0
    due = _due_to_give_up(workspace, now)
    oldest = due.order_by("asked_at").values_list("subscriber_id", flat=True)
    for chosen in _portions(list(oldest[:limit])):
        with transaction.atomic():
            given_up += _give_up(due, chosen, now)
    return given_up


def _give_up(due: QuerySet[Confirmation], person_ids: Sequence[UUID], now: datetime) -> int:
    people = {
        each.pk: each
        for each in Subscriber.objects.filter(pk__in=person_ids)
        .select_related("workspace")
        .order_by("id")
        .select_for_update(no_key=True, of=("self",))
    }
    questions = list(due.filter(subscriber__in=people))
    Confirmation.objects.filter(pk__in=[each.pk for each in questions]).update(closed_at=now)
    waiting = sorted(
        each.subscriber_id
        for each in questions
        if people[each.subscriber_id].status == Status.PENDING
    )
    if waiting:
        reactions.current().gave_up(subscriber_ids=waiting, now=now)
    for question in questions:
        ledger.record(
            subscriber=people[question.subscriber_id],
            kind=ledger.Kind.GIVEN_UP,
            circumstances=ledger.NOTHING_KNOWN,
            now=now,
        )
    return len(questions)


def _due_for_reminder(workspace: Workspace, now: datetime) -> QuerySet[Confirmation]:
    """Return confirmations whose email was sent long enough ago and is not queued again."""
    long_ago = now - timedelta(hours=workspace.reminder_hours)
    is_new = Q(status__in=(EmailStatus.QUEUED, EmailStatus.SENDING)) | Q(sent_at__gt=long_ago)
    mails = OutgoingEmail.objects.filter(
        is_new, subscriber=OuterRef("subscriber"), kind=OutgoingEmail.Kind.CONFIRMATION
    )
    return Confirmation.objects.filter(
        ~Exists(mails),
        workspace=workspace,
        closed_at=None,
        reminded_at=None,
        mails__gt=0,
        asked_at__lte=long_ago,
        subscriber__status=Status.PENDING,
    )


def _due_to_give_up(workspace: Workspace, now: datetime) -> QuerySet[Confirmation]:
    return Confirmation.objects.filter(
        workspace=workspace,
        closed_at=None,
        asked_at__lte=now - timedelta(days=workspace.give_up_days),
    )


def _portions(person_ids: Sequence[UUID]) -> Iterator[Sequence[UUID]]:
    for start in range(0, len(person_ids), MOST_LOCKED):
        yield person_ids[start : start + MOST_LOCKED]
