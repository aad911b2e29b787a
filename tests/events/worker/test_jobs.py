"""What is due by the clock."""

from events.enqueue import TaskCall
from events.worker.jobs import Job, Timetable

OFTEN = Job(TaskCall("a"), seconds=10, first_after=1)
SELDOM = Job(TaskCall("b"), seconds=3600, first_after=5)


def test_a_job_is_due_some_time_after_the_start() -> None:
    timetable = Timetable(jobs=(OFTEN, SELDOM))

    assert timetable.due(moment=100) == []
    assert timetable.due(moment=101) == [OFTEN]
    assert timetable.due(moment=105) == [OFTEN, SELDOM]


def test_a_job_that_was_queued_is_due_after_its_time() -> None:
    timetable = Timetable(jobs=(OFTEN,))
    timetable.due(moment=0)

    timetable.reschedule([OFTEN], moment=2)

    assert timetable.due(moment=11.9) == []
    assert timetable.due(moment=12) == [OFTEN]


def test_what_was_missed_is_due_once() -> None:
    timetable = Timetable(jobs=(OFTEN,))
    timetable.due(moment=0)

    missed = timetable.due(moment=1000)
    timetable.reschedule(missed, moment=1000)

    assert missed == [OFTEN]
    assert timetable.due(moment=1001) == []
