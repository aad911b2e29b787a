"""The numbers of a step in words: what was counted is named, what was not is left out."""

import pytest

from events.language import steps
from events.services.sequences.step_numbers import StepNumbers
from events.wording.step_numbers import people_here, phrases

MAIL = steps.EmailStep(id="a", subject="Hello", text="Hello")
WAIT = steps.WaitForEventStep(id="b", event_name="paid")


@pytest.mark.parametrize(
    ("step", "numbers", "expected"),
    [
        (MAIL, StepNumbers(), []),
        (
            MAIL,
            StepNumbers(
                mailed=1200, delivered=1176, opened=600, clicked=0, failed=3, left=1,
                skipped_by_reason={"suppressed": 2},
            ),
            [
                "1,200 mailed", "98% delivered", "50% opened", "0% clicked",
                "2 skipped: the address is suppressed", "3 failed", "1 left",
            ],
        ),
        # Nothing divides by no mail.
        (MAIL, StepNumbers(mailed=0, opened=0, failed=0, left=0), ["0 mailed"]),
        (
            WAIT,
            StepNumbers(passed=65, ways={"came": 52, "timed out": 13}),
            ["65 went on", "52 came", "13 timed out"],
        ),
    ],
)  # fmt: skip
def test_what_was_counted_is_named(
    step: steps.Step, numbers: StepNumbers, expected: list[str]
) -> None:
    assert list(phrases(step, numbers)) == expected


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        (StepNumbers(), ""),
        (StepNumbers(waiting=0), "0 here now"),
        (StepNumbers(waiting=1234), "1,234 here now"),
        (StepNumbers(waiting=1234, is_all=False), "1,234+ here now"),
        # Nobody among those that were read: that says nothing.
        (StepNumbers(waiting=0, is_all=False), ""),
    ],
)
def test_people_here_are_counted_or_at_least(numbers: StepNumbers, words: str) -> None:
    assert people_here(numbers) == words
