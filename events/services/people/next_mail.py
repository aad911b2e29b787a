"""What a person's enrollments do next, and the next mail among it, where that is certain."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q

from events.language import steps
from events.models import Enrollment, Sequence, Step
from subscribers.models import Subscriber
from subscribers.services.consent import mail
from subscribers.templating import mail as rendering

Status = Enrollment.Status
MOST_LOOKED_AT = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Next:
    """The next thing that is due; `subject` is that of the mail, empty where it is no mail."""

    enrollment: Enrollment
    at: datetime
    subject: str


def of_person(*, subscriber: Subscriber, now: datetime) -> Next | None:
    """Return the next mail, else the next step that is due; None where nothing is; two queries.

    A mail is certain where it is an enrollment's step, or follows the wait that it is in.
    """
    rows = (
        Enrollment.objects.filter(
            subscriber=subscriber,
            status__in=(Status.ACTIVE, Status.WAITING),
            sequence__status=Sequence.Status.ACTIVE,
            due_at__isnull=False,
        )
        .select_related("sequence", "step", "started_by")
        .order_by("due_at", "pk")
    )
    due = list(rows[:MOST_LOOKED_AT])
    mails = _mails_of(due)
    chosen = next((row for row in due if row.pk in mails), due[0] if due else None)
    if chosen is None or chosen.due_at is None:
        return None
    subject = _rendered(mails[chosen.pk], chosen, subscriber, now) if chosen.pk in mails else ""
    return Next(enrollment=chosen, at=chosen.due_at, subject=subject)


def _mails_of(enrollments: Collection[Enrollment]) -> dict[UUID, steps.EmailStep]:
    """Return the mails that are due with enrollments, by the enrollment's id."""
    step_by_enrollment = {
        row.pk: steps.from_stored(row.step.config) for row in enrollments if row.step
    }
    waits = {
        row.pk: (row.version_id, step.next or row.step.position + 1)
        for row in enrollments
        if row.step and isinstance(step := step_by_enrollment[row.pk], steps.DelayStep)
    }
    following = Q(pk__in=[])
    for version_id, place in waits.values():
        field = "key" if isinstance(place, str) else "position"
        following |= Q(version=version_id, **{field: place})
    after: dict[tuple[UUID, str | int], steps.Step] = {}
    if waits:
        for row in Step.objects.filter(following, kind=Step.Kind.EMAIL):
            step = steps.from_stored(row.config)
            after[row.version_id, row.key] = after[row.version_id, row.position] = step
    for enrollment_id, following_step in waits.items():
        if following_step in after:
            step_by_enrollment[enrollment_id] = after[following_step]
    found = step_by_enrollment.items()
    return {row_id: step for row_id, step in found if isinstance(step, steps.EmailStep)}


def _rendered(
    step: steps.EmailStep, enrollment: Enrollment, person: Subscriber, now: datetime
) -> str:
    """Return the subject as it would be now; the template where it cannot be rendered."""
    event = enrollment.started_by.properties if enrollment.started_by else {}
    workspace = person.workspace
    data = mail.merge_data(subscriber=person, workspace=workspace, event=event)
    reader = mail.reader_of(subscriber=person, workspace=workspace, now=now)
    try:
        return rendering.header_text(
            rendering.render(step.subject, data, is_html=False, reader=reader)
        )
    except rendering.TemplateFault:
        return step.subject
