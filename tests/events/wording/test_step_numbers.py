"""The numbers of a step in words: what was counted is named, and nothing else."""

from collections import Counter

import pytest

from events.language import steps
from events.language.steps.kinds.split import Branch
from events.services.counts.numbers import Measure, Numbers
from events.wording.step_numbers import of_sequence, phrases, ways

MAIL = steps.EmailStep(id="a", subject="Hello", text="Hello")
WAIT = steps.WaitForEventStep(id="b", event_name="paid")
CHECK = steps.ConditionStep(id="c", rules=(steps.TagRule(tag="vip"),))
SPLIT = steps.SplitStep(id="d", branches=(Branch(id="a", weight=1), Branch(id="b", weight=1)))


def counted(counts: dict[tuple[str, str], int]) -> Numbers:
    return Numbers(Counter(counts))


@pytest.mark.parametrize(
    ("step", "counts", "expected"),
    [
        (MAIL, {}, ["0 mailed"]),
        (
            MAIL,
            {
                (Measure.MAILED, ""): 1200, (Measure.DELIVERED, ""): 1176,
                (Measure.OPENED, "human"): 600, (Measure.OPENED, "machine"): 120,
                (Measure.CLICKED, "unknown"): 12, (Measure.BOUNCED, ""): 2,
                (Measure.SKIPPED, "suppressed"): 2, (Measure.FAILED, "mail_failed"): 3,
                (Measure.ENDED, "stopped: stop_condition"): 1, (Measure.ENDED, "completed"): 9,
            },
            [
                "1,200 mailed", "98% delivered", "50% opened", "10% opened by machines",
                "1% clicked, perhaps by machines", "2 bounced",
                "2 skipped: the address is suppressed", "3 failed", "1 left",
            ],
        ),
        (
            WAIT,
            {(Measure.CAME, ""): 52, (Measure.TIMED_OUT, ""): 13, (Measure.STEP_SKIPPED, ""): 1},
            ["52 came", "13 timed out", "1 skipped"],
        ),
        (CHECK, {(Measure.MET, ""): 3}, []),
    ],
)  # fmt: skip
def test_what_was_counted_is_named(
    step: steps.Step, counts: dict[tuple[str, str], int], expected: list[str]
) -> None:
    assert list(phrases(step, counted(counts))) == expected


@pytest.mark.parametrize(
    ("step", "counts", "expected"),
    [
        (MAIL, {(Measure.MAILED, ""): 3}, {}),
        (CHECK, {}, {}),
        (CHECK, {(Measure.MET, ""): 3}, {"yes": 3, "no": 0}),
        (SPLIT, {(Measure.BRANCH, "b"): 2, (Measure.BRANCH, "gone"): 1}, {"a": 0, "b": 2}),
    ],
)
def test_each_way_has_its_number(
    step: steps.Step, counts: dict[tuple[str, str], int], expected: dict[str, int]
) -> None:
    assert ways(step, counted(counts)) == expected


def test_a_sequence_says_how_its_enrollments_ended() -> None:
    found = counted(
        {
            (Measure.ENTERED, ""): 403,
            (Measure.ENDED, "completed"): 300,
            (Measure.ENDED, "stopped: stop_condition"): 18,
        }
    )

    assert list(of_sequence(found)) == [
        "403 entered", "300 completed", "18 stopped: the sequence's exit condition was met",
    ]  # fmt: skip
