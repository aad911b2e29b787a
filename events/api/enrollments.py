"""Enrollments of a sequence: begun, read, paused, resumed, cancelled."""

from collections.abc import Sequence as Several
from typing import Annotated, Any
from uuid import UUID

from django.db.models import QuerySet

from events.api.enrollment_shapes import (
    EnrolledAnswer,
    EnrollmentAnswer,
    EnrollmentsAnswer,
    NotEnrolled,
    PausedAnswer,
    ResumedAnswer,
    UnknownPeople,
    held,
    past,
    shape_of,
    whole_rows,
)
from events.api.sequence_shapes import OffsetPages, stop_shape
from events.api.sequences import DEEPEST, OneSequence, SequenceOfPath
from events.models import Enrollment, Sequence, StepRun
from events.services.counts import current
from events.services.enrollments import by_operator
from events.services.sequences import parked_enrollments, versions
from subscribers import ids
from subscribers.api import totals
from subscribers.api.calls import id_in_path, no_such_row, reads, writes
from subscribers.api.inputs import Inputs, Reads, inputs
from subscribers.api.named_people import MOST, FoundPeople, NamedPeople
from subscribers.api.values import (
    Email,
    TextWord,
    one_of,
    whole_number_word,
)  # fmt: skip
from subscribers.models.api_key import Scope
from subscribers.wire.amounts import counted
from subscribers.wire.payloads import InvalidField, read_text

MOST_RUNS = 200
Status = Enrollment.Status
SHOWN_UNLESS_ASKED = (Status.ACTIVE, Status.WAITING, Status.PAUSED)
SORTS = {
    "enrolled_at_desc": ("-id",),
    "enrolled_at_asc": ("id",),
    "wait_until_asc": ("due_at", "id"),
    "wait_until_desc": ("-due_at", "-id"),
}
EnrollmentOfPath = Annotated[UUID, id_in_path("enr")]


def _read_statuses(value: object) -> list[str]:
    given = [each.strip() for each in str(value).split(",") if each.strip()]
    unknown = [each for each in given if each not in Status.values]
    if unknown or not given:
        raise InvalidField(f"must be one or more of {', '.join(Status.values)}.")
    return given


def _read_ids(value: object) -> list[UUID]:
    found = [ids.decode("sub", each.strip()) for each in str(value).split(",")]
    if None in found:
        raise InvalidField("must be ids of subscribers such as sub_…, with commas between them.")
    return [each for each in found if each is not None]


def _read_reason(value: object) -> str:
    reason = read_text(value, longest=by_operator.LONGEST_REASON)
    if reason == parked_enrollments.REASON:
        raise InvalidField("is a word of the engine: say why in your own words.")
    return reason


Statuses = Annotated[list[str], Reads(_read_statuses, {"type": "string"})]
Ids = Annotated[list[UUID], Reads(_read_ids, {"type": "string"})]
Reason = Annotated[
    str, Reads(_read_reason, {"type": "string", "maxLength": by_operator.LONGEST_REASON})
]
NodeId = Annotated[
    str, Reads(lambda value: read_text(value, longest=100), {"type": "string", "maxLength": 100})
]


@inputs
class EnrollmentsQuery(Inputs):
    status: Statuses | None = None
    subscriber_id: Ids | None = None
    email: Email | None = None
    # With commas between them.
    current_node_id: TextWord | None = None
    sort: Annotated[str, one_of(*SORTS)] = "enrolled_at_desc"
    limit: Annotated[int, whole_number_word(1, MOST)] = 50
    offset: Annotated[int, whole_number_word(0, DEEPEST)] = 0

    @property
    def is_all_under_way(self) -> bool:
        """Tell whether the query is for all that the worker counts of a sequence."""
        narrowed = (self.subscriber_id, self.email, self.current_node_id)
        return set(self.status or ()) == set(Enrollment.UNDER_WAY) and narrowed == (None,) * 3


@inputs
class Enrolling(NamedPeople):
    """Active people enter; `targetNodeId` is where they begin."""

    target_node_id: NodeId | None = None


@inputs
class Holding(NamedPeople):
    reason: Reason | None = None


class EnrollView(OneSequence):
    @writes(
        "Enroll up to 500 people",
        scope=Scope.AUTOMATIONS_TRIGGER,
        example={"emails": ["ada@example.com"]},
    )
    def post(self, given: Enrolling, *, sequence_id: SequenceOfPath) -> EnrolledAnswer:
        row = self.found(sequence_id)
        found = FoundPeople(self, given)
        done = by_operator.enroll(
            sequence=row,
            subscribers=found.people,
            now=self.now,
            step_key=given.target_node_id or "",
            is_test=self.api_key.is_test,
        )
        return EnrolledAnswer(
            enrolled=len(done.enrolled),
            skipped=len(done.skipped),
            not_found=[*found.not_found.emails, *found.not_found.subscriber_ids],
            reasons={ids.encode("sub", each): why for each, why in done.skipped.items()},
            scheduled_for=self.now if done.enrolled else None,
            target_node_id=given.target_node_id,
        )


class EnrollmentsView(OneSequence):
    @reads("Enrollments of a sequence", scope=Scope.SEQUENCES_READ)
    def get(self, asked: EnrollmentsQuery, *, sequence_id: SequenceOfPath) -> EnrollmentsAnswer:
        row = self.found(sequence_id)
        statuses = asked.status or list(SHOWN_UNLESS_ASKED)
        rows = Enrollment.objects.filter(sequence=row, status__in=statuses)
        if asked.subscriber_id is not None:
            rows = rows.filter(subscriber__in=asked.subscriber_id)
        if asked.email is not None:
            rows = rows.filter(subscriber__email_key=asked.email.key)
        if asked.current_node_id is not None:
            rows = rows.filter(step__key__in=asked.current_node_id.split(","))
        ordered = whole_rows(rows).order_by(*SORTS[asked.sort])
        found = list(ordered[asked.offset : asked.offset + asked.limit + 1])
        shown = found[: asked.limit]
        return EnrollmentsAnswer(
            enrollments=[shape_of(each) for each in shown],
            pagination=OffsetPages(
                count=len(shown),
                total=total_of(rows, row, is_all=asked.is_all_under_way),
                limit=asked.limit,
                offset=asked.offset,
                has_more=len(found) > asked.limit,
            ),
            sequence_id=row.public_id,
            sequence_name=row.name,
            statuses=statuses,
            stop_condition=stop_shape(versions.spec_of(row, has_steps=False)),
        )


class EnrollmentView(OneSequence):
    # `…/enrollments/move`.
    not_here = frozenset({"POST"})

    @reads("An enrollment, with the steps that it has done", scope=Scope.SEQUENCES_READ)
    def get(
        self, *, sequence_id: SequenceOfPath, enrollment_id: EnrollmentOfPath
    ) -> EnrollmentAnswer:
        row = self.found(sequence_id)
        found = whole_rows(Enrollment.objects.filter(sequence=row, pk=enrollment_id)).first()
        if found is None:
            return no_such_row()
        runs = StepRun.objects.filter(enrollment=found).select_related("step").order_by("-id")
        newest = list(runs[: MOST_RUNS + 1])
        return EnrollmentAnswer(
            enrollment=shape_of(found),
            node_history=[past(run) for run in reversed(newest[:MOST_RUNS])],
            node_history_limit=MOST_RUNS,
            node_history_truncated=len(newest) > MOST_RUNS,
            history_source="node_events" if newest else "none",
            sequence_id=row.public_id,
            sequence_name=row.name,
            stop_condition=stop_shape(versions.spec_of(row, has_steps=False)),
        )


class PauseView(OneSequence):
    @writes(
        "Pause the enrollments of up to 500 people",
        scope=Scope.SEQUENCES_WRITE,
        example={"emails": ["ada@example.com"], "reason": "a complaint by phone"},
    )
    def post(self, given: Holding, *, sequence_id: SequenceOfPath) -> PausedAnswer:
        row = self.found(sequence_id)
        found = FoundPeople(self, given)
        done = by_operator.pause_many(
            enrollments=_of(row, found), now=self.now, reason=given.reason or "paused_by_hand"
        )
        paused = sum(is_changed for _, is_changed in done)
        return PausedAnswer(
            sequence_id=row.public_id,
            enrollments=[
                held(each, "paused" if is_changed else "already_paused")
                for each, is_changed in done
            ],
            paused_count=paused,
            already_paused_count=len(done) - paused,
            in_progress_count=0,
            **_others(found, done),
            message=f"{counted(paused, 'enrollment is', 'enrollments are')} paused now.",
        )


class ResumeView(OneSequence):
    @writes(
        "Resume the enrollments of up to 500 people",
        scope=Scope.SEQUENCES_WRITE,
        example={"emails": ["ada@example.com"]},
    )
    def post(self, given: NamedPeople, *, sequence_id: SequenceOfPath) -> ResumedAnswer:
        row = self.found(sequence_id)
        found = FoundPeople(self, given)
        done = by_operator.resume_many(enrollments=_of(row, found), now=self.now)
        resumed = sum(is_changed for _, is_changed in done)
        return ResumedAnswer(
            sequence_id=row.public_id,
            enrollments=[
                held(each, "resumed" if is_changed else "not_paused") for each, is_changed in done
            ],
            resumed_count=resumed,
            not_paused_count=len(done) - resumed,
            enqueued_count=sum(is_changed and each.due_at is not None for each, is_changed in done),
            enqueue_errors=[],
            sequence_running=row.status == Sequence.Status.ACTIVE,
            **_others(found, done),
            message=f"{counted(resumed, 'enrollment goes', 'enrollments go')} on now.",
        )


def total_of(rows: QuerySet[Enrollment], row: Sequence, *, is_all: bool) -> int | None:
    """Return how many there are; of `is_all` under way and over 10,000 as counted last."""
    number = totals.exact(rows)
    if number is not None or not is_all:
        return number
    counted = current.of(subject=current.Subject.SEQUENCE, ids=[row.pk])
    latest = counted.get(row.pk, current.NOT_COUNTED).count
    return latest if latest > totals.MOST_COUNTED else None


def _of(row: Sequence, found: FoundPeople) -> QuerySet[Enrollment]:
    return Enrollment.objects.filter(
        sequence=row,
        subscriber__in=[person.pk for person in found],
        status__in=Enrollment.UNDER_WAY,
    )


def _others(found: FoundPeople, done: Several[tuple[Enrollment, bool]]) -> dict[str, Any]:
    """Return the people who are known and not in the sequence, and what names nobody."""
    enrolled = {each.subscriber_id for each, _ in done}
    return {
        "not_enrolled": [
            NotEnrolled(email=person.email, subscriber_id=person.public_id)
            for person in found
            if person.pk not in enrolled
        ],
        "not_found": UnknownPeople(
            emails=found.not_found.emails, subscriber_ids=found.not_found.subscriber_ids
        ),
    }
