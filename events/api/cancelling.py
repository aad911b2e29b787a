"""`…/enrollments/cancel`: enrollments ended, all of them or those of people or of values."""

from collections.abc import Iterator
from typing import Annotated
from uuid import UUID

from events.api.enrollment_shapes import CancelledAnswer, CancelTarget, cancelled
from events.api.enrollments import Reason, total_of
from events.api.sequences import OneSequence, SequenceOfPath
from events.language.scalars import LONGEST_KEY, scalar_at
from events.models import Enrollment, Sequence
from events.services.enrollments import by_operator
from subscribers import ids
from subscribers.api.calls import writes
from subscribers.api.inputs import Inputs, Reads, inputs
from subscribers.api.named_people import MOST, OneId, SubscriberIds
from subscribers.api.values import Flag, TextWord, several
from subscribers.models.api_key import Scope
from subscribers.wire.payloads import Fault, InvalidField, InvalidRequest, read_text

MOST_CANCELLED = 1000


def _read_field_value(value: object) -> str:
    given = read_text(value, longest=LONGEST_KEY) if isinstance(value, str) else value
    found = scalar_at("value", {"value": given})
    if found is None:
        raise InvalidField("must be a text of up to 255 characters, a number, true or false.")
    return found


FIELD_VALUE = Reads(_read_field_value, {"type": ["string", "number", "boolean"]})
FieldValues = Annotated[list[str], several(FIELD_VALUE, most=MOST)]


@inputs
class Cancelling(Inputs):
    """A dry run unless `dryRun` is false. `fieldValues`: of the `enrollmentFieldPath`."""

    cancel_all: Flag = False
    subscriber_id: OneId | None = None
    subscriber_ids: SubscriberIds | None = None
    field_values: FieldValues | None = None
    field_path: TextWord | None = None
    dry_run: Flag = True
    reason: Reason | None = None

    def find_faults(self) -> Iterator[Fault]:
        named = (self.subscriber_id, self.subscriber_ids, self.field_values)
        if self.cancel_all + sum(bool(each) for each in named) != 1:
            message = "or subscriberIds, subscriberId or fieldValues is needed: one of them."
            yield Fault("cancelAll", message)
        if self.field_path is not None and not self.field_values:
            yield Fault("fieldPath", "needs fieldValues.")

    @property
    def people(self) -> list[UUID] | None:
        """Return the ids of the people to cancel; None means everybody."""
        return [self.subscriber_id] if self.subscriber_id else self.subscriber_ids or None


class CancelView(OneSequence):
    @writes(
        "Cancel enrollments",
        scope=Scope.SEQUENCES_WRITE,
        description="Up to 1,000 at a time; repeat while `hasMore`.",
        example={"cancelAll": True, "dryRun": True},
    )
    def post(self, given: Cancelling, *, sequence_id: SequenceOfPath) -> CancelledAnswer:
        row = self.found(sequence_id)
        rows = Enrollment.objects.filter(sequence=row, status__in=Enrollment.UNDER_WAY)
        missing: list[str] = []
        if given.people is not None:
            rows = rows.filter(subscriber__in=given.people)
            known = set(rows.values_list("subscriber_id", flat=True))
            missing = [ids.encode("sub", each) for each in given.people if each not in known]
        values = given.field_values or []
        if values:
            _refuse_other_field(row, given.field_path)
            rows = rows.filter(entry_slot__in=values)
            held_values = set(rows.values_list("entry_slot", flat=True))
            values = [each for each in values if each not in held_values]
        matched = total_of(rows, row, is_all=given.cancel_all)
        chosen = list(rows.order_by("id").values_list("pk", flat=True)[:MOST_CANCELLED])
        part = Enrollment.objects.filter(pk__in=chosen)
        if given.dry_run:
            shown = list(part.select_related("subscriber").order_by("id"))
        else:
            done = by_operator.cancel_many(
                enrollments=part, now=self.now, reason=given.reason or "cancelled_by_hand"
            )
            shown = [each for each, is_changed in done if is_changed]
        count = 0 if given.dry_run else len(shown)
        words_of = "would be cancelled" if given.dry_run else "are cancelled"
        return CancelledAnswer(
            sequence_id=row.public_id,
            matched_count=matched,
            cancelled_count=count,
            remaining_count=None if matched is None else max(matched - count, 0),
            has_more=matched is None or matched > len(chosen),
            dry_run=given.dry_run,
            enrollments=[cancelled(each) for each in shown],
            target=CancelTarget(not_found_subscriber_ids=missing, not_found_field_values=values),
            message=f"{len(shown)} enrollments {words_of}.",
        )


def _refuse_other_field(row: Sequence, path: str | None) -> None:
    """Refuse values of a field by which the sequence does not keep enrollments apart."""
    kept = row.enrollment_field_path
    if not kept:
        message = "needs a sequence whose enrollmentMode is matching_field."
        raise InvalidRequest(Fault("fieldValues", message))
    if path not in {None, kept}:
        message = f"must be {kept}, the sequence's enrollmentFieldPath."
        raise InvalidRequest(Fault("fieldPath", message))
