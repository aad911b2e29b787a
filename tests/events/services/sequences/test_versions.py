"""Versions: which stay for their enrollments, and which go."""

from datetime import timedelta
from typing import Any

import pytest

from events.language.specs import parse_sequence
from events.models import Enrollment, Sequence, Step
from events.services.enrollments import by_operator
from events.services.sequences import sequences, versions
from tests.factories import EnrollmentFactory, StepRunFactory, WorkspaceFactory
from tests.support.sequence_making import MAIL, NOON, make_sequence

pytestmark = pytest.mark.django_db
DELAY = {"type": "delay", "id": "rest", "days": 2}


def edit(sequence: Sequence, subject: str, *before: dict[str, Any]) -> None:
    """Change the subject of the mail, which comes after other steps."""
    steps = [*before, {**MAIL, "subject": subject}]
    raw = {"name": "A", "trigger": "manual", "fromEmail": "news@example.com", "steps": steps}
    spec = parse_sequence(raw)
    sequences.edit(sequence=sequence, spec=spec, now=NOON + timedelta(minutes=1))


def numbers(sequence: Sequence) -> list[int]:
    return list(sequence.versions.order_by("number").values_list("number", flat=True))


def enter(sequence: Sequence) -> Enrollment:
    version = sequence.current_version
    assert version is not None
    return EnrollmentFactory.create(version=version, step=version.steps.get(position=0))


def test_an_enrollment_keeps_the_version_that_it_began_with() -> None:
    sequence = make_sequence(WorkspaceFactory.create(), MAIL, name="A")
    enrollment = enter(sequence)

    for subject in ("one", "two", "three", "four"):
        edit(sequence, subject)

    enrollment.refresh_from_db()
    assert enrollment.version.number == 1
    assert enrollment.step is not None
    assert enrollment.step.config["subject"] == "Hello"
    assert sequence.current_version_id != enrollment.version_id


def test_versions_without_runs_go_but_for_the_last_before() -> None:
    sequence = make_sequence(WorkspaceFactory.create(), MAIL, name="A")
    edit(sequence, "two")
    enter(sequence)

    for subject in ("three", "four", "five"):
        edit(sequence, subject)

    assert numbers(sequence) == [2, 4, 5]


def test_a_version_whose_steps_a_moved_enrollment_has_done_stays() -> None:
    sequence = make_sequence(WorkspaceFactory.create(), DELAY, MAIL, name="A")
    enrollment = enter(sequence)
    StepRunFactory.create(enrollment=enrollment)
    Enrollment.objects.update(step=enrollment.version.steps.get(position=1))
    edit(sequence, "two", DELAY)
    by_operator.move_enrollments(sequence=sequence, now=NOON)

    for subject in ("three", "four", "five"):
        edit(sequence, subject, DELAY)

    # The enrollment stands in the second.
    assert numbers(sequence) == [1, 2, 4, 5]


def test_a_draft_stays_at_its_first_version_in_a_new_row() -> None:
    sequence = make_sequence(WorkspaceFactory.create(), MAIL, name="A", is_active=False)
    first_id = sequence.current_version_id

    edit(sequence, "two")

    assert numbers(sequence) == [1]
    assert sequence.current_version_id != first_id


def test_a_draft_with_runs_keeps_their_version() -> None:
    sequence = make_sequence(WorkspaceFactory.create(), MAIL, name="A")
    enter(sequence)
    sequences.archive(sequence=sequence, now=NOON)
    sequences.unarchive(sequence=sequence, now=NOON)

    edit(sequence, "two")

    assert numbers(sequence) == [1, 2]


def test_a_mail_that_must_not_wait_has_its_own_lane() -> None:
    workspace = WorkspaceFactory.create()
    urgent = make_sequence(workspace, {**MAIL, "isTransactional": True})
    other = make_sequence(workspace, MAIL)

    lanes = [
        versions.lane_of(sequence.current_version.steps.get())
        for sequence in (urgent, other)
        if sequence.current_version
    ]

    assert lanes == [Enrollment.Lane.TRANSACTIONAL, Enrollment.Lane.MARKETING]


def test_what_is_default_may_be_said_or_not() -> None:
    window: dict[str, Any] = {"enabled": True, "days": ["monday"], "endTime": "17:00"}
    silent: dict[str, Any] = {
        "name": "A",
        "trigger": "manual",
        "steps": [MAIL],
        "sendingWindow": window,
    }
    saying = {**silent, "sendingWindow": {**window, "startTime": "00:00"}}
    later = {**silent, "sendingWindow": {**window, "startTime": "00:01"}}
    one, other, third = (parse_sequence(each) for each in (silent, saying, later))

    assert versions.is_same_version(one, other)
    assert versions.is_same(one, other)
    assert not versions.is_same_version(one, third)


def test_a_step_is_stored_as_it_is_on_the_wire() -> None:
    receipt = {**MAIL, "id": "receipt", "isTransactional": True, "label": ""}
    rule = {"type": "no_tag", "tag": "vip"}
    condition = {"type": "condition", "id": "who", "rules": [rule], "match": "any"}

    sequence = make_sequence(WorkspaceFactory.create(), DELAY, condition, receipt)

    rows = Step.objects.filter(version=sequence.current_version).order_by("position")
    assert [row.config for row in rows] == [
        DELAY,
        condition,
        {**MAIL, "id": "receipt", "isTransactional": True},
    ]
