"""Passes changes to people, tags and lists that come without an event on to enrollments.

The callers hold the subscribers' locks, inside the transaction of the change. Ids come in batches,
all of one workspace. Every function is idempotent.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from functools import partial
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from events.decisions import triggers
from events.decisions.enrollments import MOST_DEPTH, EnrollmentsBySlot, Start, Starts
from events.decisions.sync_rules import TagRef
from events.decisions.watched import Watched
from events.language import timing
from events.models import Enrollment, Step
from events.services.configuration import remembered
from events.services.enrollments import rows
from subscribers.models import Subscriber, Tag

Status = Enrollment.Status
UNSUBSCRIBED = "unsubscribed"
SUPPRESSED = "suppressed"
NOT_CONFIRMED = "not_confirmed"
# Enrollments that wait for a confirmation, including those an operator has paused.
NEVER_BEGAN = Q(status=Status.WAITING_CONFIRMATION) | Q(
    status=Status.PAUSED, status_before_pause=Status.WAITING_CONFIRMATION
)


def confirmed(*, subscriber_ids: Sequence[UUID], now: datetime) -> None:
    """Let the enrollments of people who confirmed begin; their waits count from now."""
    held = _under_way(subscriber_ids).filter(status=Status.WAITING_CONFIRMATION)
    rows.locked(held.values_list("pk", flat=True)).update(
        status=Status.ACTIVE, step_since=now, due_at=now, updated_at=now
    )


def gave_up(*, subscriber_ids: Sequence[UUID], now: datetime) -> None:
    """Expire the enrollments that wait for a confirmation, including paused ones.

    They never began, so their places are free again, even where people enter once.
    """
    ending = _under_way(subscriber_ids).filter(NEVER_BEGAN).values_list("pk", flat=True)
    ended = rows.stopped_columns(now=now, reason=NOT_CONFIRMED)
    ended |= {"status": Status.EXPIRED, "entry_slot": None, "due_before_pause": None}
    rows.locked(ending).update(**ended)


def left(*, subscriber_ids: Sequence[UUID], now: datetime) -> None:
    """Stop the enrollments of people who unsubscribed, except those with a transactional mail.

    An enrollment with such a mail at its step or later goes on; the engine skips its other mails.
    Enrollments that wait for a confirmation stop in any case, including paused ones.
    """
    informs = Step.objects.filter(
        version=OuterRef("version_id"),
        position__gte=OuterRef("step__position"),
        kind=Step.Kind.EMAIL,
        config__isTransactional=True,
    )
    ending = _under_way(subscriber_ids).filter(NEVER_BEGAN | ~Exists(informs))
    rows.stop(enrollment_ids=ending.values_list("pk", flat=True), now=now, reason=UNSUBSCRIBED)


def suppressed(*, subscriber_ids: Sequence[UUID], now: datetime) -> None:
    """Stop the enrollments of people who can get no more mail."""
    ending = _under_way(subscriber_ids).values_list("pk", flat=True)
    rows.stop(enrollment_ids=ending, now=now, reason=SUPPRESSED)


def tags_added(
    *,
    subscriber_ids: Sequence[UUID],
    tag_ids: Sequence[UUID],
    now: datetime,
    depth: int = 0,
    is_test: bool = False,
    starts: bool = True,
) -> None:
    """Start and stop enrollments by tags that each of the people has just got.

    `depth` is how many steps led here, one after the other: beyond ten, nothing starts. Without
    `starts` nothing does either.
    """
    watched = _watched_by(subscriber_ids)
    concerned = watched.concerned_by(tag_ids=tag_ids)
    if not concerned:
        return
    names = dict(Tag.objects.filter(pk__in=tag_ids).values_list("pk", "name"))
    added = [TagRef(id=each, name=names[each]) for each in tag_ids if each in names]
    by_person = rows.enrollments_of_many(subscriber_ids=subscriber_ids, sequence_ids=concerned)
    if starts and depth <= MOST_DEPTH:
        plan = partial(triggers.starts_of_tags, watched=watched, tags_added=added)
        _start(subscriber_ids, by_person, plan, now=now, depth=depth, is_test=is_test)
    stopped = [
        enrollment.id
        for enrollments in by_person.values()
        for enrollment in triggers.stops_of_tags(
            watched=watched, tags_added=added, enrollments=enrollments
        )
    ]
    rows.stop(enrollment_ids=stopped, now=now)


def list_joined(
    *,
    subscriber_ids: Sequence[UUID],
    list_ids: Sequence[UUID],
    now: datetime,
    depth: int = 0,
    is_test: bool = False,
    is_created: bool = False,
) -> None:
    """Start enrollments by lists that each of the people has just joined; `depth` as for tags."""
    watched = _watched_by(subscriber_ids)
    concerned = watched.concerned_by_lists(list_ids, is_created=is_created)
    if not concerned or depth > MOST_DEPTH:
        return
    by_person = rows.enrollments_of_many(subscriber_ids=subscriber_ids, sequence_ids=concerned)
    plan = partial(
        triggers.starts_of_lists, watched=watched, list_ids=list_ids, is_created=is_created
    )
    _start(subscriber_ids, by_person, plan, now=now, depth=depth, is_test=is_test)


def attributes_changed(
    *, subscriber_ids: Sequence[UUID], names: Collection[str], now: datetime
) -> None:
    """Wake enrollments that wait for a date in one of the attributes: the engine reads it again."""
    marks = {timing.mark_of(name) for name in names}
    waiting = _under_way(subscriber_ids).filter(awaits__in=marks, released_by=None)
    rows.wake(enrollment_ids=waiting.values_list("pk", flat=True), now=now)


def _under_way(subscriber_ids: Sequence[UUID]) -> QuerySet[Enrollment]:
    return Enrollment.objects.filter(subscriber__in=subscriber_ids, status__in=Enrollment.UNDER_WAY)


def _watched_by(subscriber_ids: Sequence[UUID]) -> Watched:
    people = Subscriber.objects.filter(pk__in=subscriber_ids[:1])
    workspace_id = people.values_list("workspace_id", flat=True).first()
    return remembered.watched_now(workspace_id=workspace_id) if workspace_id else Watched()


def _start(
    subscriber_ids: Sequence[UUID],
    by_person: Mapping[UUID, EnrollmentsBySlot],
    plan: Callable[..., Starts],
    *,
    now: datetime,
    depth: int,
    is_test: bool,
) -> None:
    """Start what is planned for each person, in one statement."""
    people = Subscriber.objects.filter(pk__in=subscriber_ids).order_by("pk")
    begun: list[tuple[Subscriber, Start]] = []
    for person in people.only("pk", "workspace_id", "status"):
        planned = plan(enrollments=by_person.get(person.pk, {}), status=person.status)
        begun += [(person, each) for each in planned.started]
    superseded = [each.supersedes for _, each in begun if each.supersedes]
    rows.stop(enrollment_ids=superseded, now=now, reason=rows.SUPERSEDED)
    Enrollment.objects.bulk_create(
        Enrollment(
            workspace_id=person.workspace_id,
            subscriber_id=person.pk,
            **rows.columns(each, now=now, event_id=None, depth=depth, is_test=is_test),
        )
        for person, each in begun
    )
