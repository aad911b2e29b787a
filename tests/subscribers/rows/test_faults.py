"""Tests of the words for bad rows."""

import pytest

from subscribers.rows.faults import reason, sentence
from subscribers.wire.payloads import Fault


def test_all_faults_of_a_row_are_reported() -> None:
    faults = [Fault("email", "is needed."), Fault("", "could not be written.")]

    assert sentence(faults) == "email is needed. could not be written."


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (
            Fault("name", "has 300 characters; at most 200 are allowed."),
            "name has too many characters; at most 200 are allowed.",
        ),
        (
            Fault("email", "is not a valid address: An email must have an @-sign: x y."),
            "email is not a valid address.",
        ),
        (
            Fault("row", "is not JSON: Expecting value (line 1, column 17)."),
            "row is not JSON: Expecting value.",
        ),
        (
            Fault("row", "is not JSON: Expecting value (column 9)."),
            "row is not JSON: Expecting value.",
        ),
        (
            Fault("row", "has 3 cells; the header has 5."),
            "row has too few or too many cells; the header has 5.",
        ),
        (Fault("tags[7]", "must be a string, not null."), "tags[] must be a string, not null."),
        (Fault("timezone", "'Mars/Base' is no timezone."), "timezone … is no timezone."),
    ],
)
def test_rows_refused_for_the_same_count_together(fault: Fault, expected: str) -> None:
    assert reason(fault) == expected
