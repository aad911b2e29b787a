"""Versions of a sequence: written from a description, and read back as one."""

import json
from datetime import datetime
from typing import Any

import msgspec
from django.db.models import Exists, OuterRef

from events.language import steps
from events.language.entry import StopCondition, trigger_from_stored
from events.language.specs import SequenceSpec, as_wire
from events.language.timing import SendingWindow
from events.models import Enrollment, Sequence, SequenceVersion, Step, StepRun

TEXT_COLUMNS = ("mail_list", "from_email", "from_name", "reply_to")
# Beyond it floats cannot represent all whole numbers, and databases write them differently.
_LARGEST_WHOLE = 2**53


def spec_of(
    sequence: Sequence, *, version: SequenceVersion | None = None, has_steps: bool = True
) -> SequenceSpec:
    """Return the sequence as it could be created again, with lists as ids; two queries.

    Of an earlier version it has the steps, window, list and sender; the rest is of today. Without
    `has_steps` it has no steps, and saves their query.
    """
    version = version or sequence.current_version
    # Sorted here, so that steps that were fetched ahead are used.
    stored = version.steps.all() if version and has_steps else ()
    rows = sorted(stored, key=lambda row: row.position)
    window = version.sending_window if version else None
    texts = {name: getattr(version, name) if version else "" for name in TEXT_COLUMNS}
    return SequenceSpec(
        name=sequence.name,
        key=sequence.key,
        description=sequence.description,
        labels=tuple(sequence.labels),
        trigger=trigger_from_stored(sequence.trigger, sequence.trigger_config),
        enrollment_mode=sequence.enrollment_mode,  # type: ignore[arg-type] # the same words
        enrollment_field_path=sequence.enrollment_field_path,
        stop_condition=msgspec.convert(sequence.stop_condition, StopCondition | None),
        sending_window=msgspec.convert(window, SendingWindow | None),
        active_subscribers_only=sequence.active_subscribers_only,
        runs_while_pending=sequence.runs_while_pending,
        **texts,
        steps=tuple(steps.from_stored(row.config) for row in rows),
    )


def set_current(*, sequence: Sequence, spec: SequenceSpec, now: datetime) -> None:
    """Create the sequence's next version from steps, window, list and sender, with lists as ids.

    The caller holds the sequence's lock. A draft's version without enrollments is deleted, and its
    number used again. Others without enrollments are deleted too, except the last: a request in
    progress may begin an enrollment with it. Versions never change: processes cache them.
    """
    earlier = sequence.current_version
    number = earlier.number + 1 if earlier else 1
    is_draft = sequence.status == Sequence.Status.DRAFT
    if earlier and is_draft and not Enrollment.objects.filter(version=earlier).exists():
        number = earlier.number
        sequence.current_version = None
        sequence.save(update_fields=["current_version"])
        earlier.delete()
    version = SequenceVersion.objects.create(
        workspace_id=sequence.workspace_id,
        sequence=sequence,
        number=number,
        sending_window=stored(spec.sending_window),
        created_at=now,
        **{name: getattr(spec, name) for name in TEXT_COLUMNS},
    )
    Step.objects.bulk_create(
        Step(
            workspace_id=version.workspace_id,
            version=version,
            position=position,
            key=step.id,
            kind=step.kind,
            config=step.as_wire(),
        )
        for position, step in enumerate(spec.steps)
    )
    sequence.current_version = version
    sequence.save(update_fields=["current_version"])
    if earlier:
        _drop_unused(sequence, before=number - 1)


def lane_of(step: Step) -> Enrollment.Lane:
    is_urgent = steps.from_stored(step.config).is_urgent
    return Enrollment.Lane.TRANSACTIONAL if is_urgent else Enrollment.Lane.MARKETING


def is_same(one: SequenceSpec, other: SequenceSpec) -> bool:
    """Tell whether two descriptions are the same, apart from their keys."""
    return _comparable({**as_wire(one), "key": ""}) == _comparable({**as_wire(other), "key": ""})


def is_same_version(one: SequenceSpec, other: SequenceSpec) -> bool:
    """Tell whether the parts that a version holds are the same."""
    names = ("steps", "sendingWindow", "mailList", "fromEmail", "fromName", "replyTo")
    return _comparable([*map(as_wire(one).get, names)]) == _comparable(
        [*map(as_wire(other).get, names)]
    )


def stored(value: msgspec.Struct | None) -> Any:  # noqa: ANN401 - JSON
    """Return a value as the database returns it: tuples are lists."""
    return msgspec.json.decode(msgspec.json.encode(value))


def _drop_unused(sequence: Sequence, *, before: int) -> None:
    has_enrollments = Exists(Enrollment.objects.filter(version=OuterRef("pk")))
    # Moved enrollments have step runs of it.
    has_step_runs = Exists(StepRun.objects.filter(step__version=OuterRef("pk")))
    sequence.versions.filter(~has_enrollments, ~has_step_runs, number__lt=before).delete()


def _comparable(value: object) -> str:
    """Return a text that is the same for equal JSON: true is not 1, but 1.0 is."""
    return json.dumps(_with_plain_numbers(value), sort_keys=True)


def _with_plain_numbers(value: Any) -> Any:  # noqa: ANN401 - JSON
    match value:
        case int() | float() if not isinstance(value, bool):
            is_whole = isinstance(value, int) or value.is_integer()
            return int(value) if is_whole and abs(value) < _LARGEST_WHOLE else float(value)
        case dict():
            return {name: _with_plain_numbers(each) for name, each in value.items()}
        case list():
            return [_with_plain_numbers(each) for each in value]
    return value
