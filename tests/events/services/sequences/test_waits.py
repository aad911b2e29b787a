"""What readiness says of waits."""

from typing import Any

import pytest

from events.services.sequences import sequences
from subscribers.models import Workspace
from tests.support.sequence_making import MAIL, make_sequence

pytestmark = pytest.mark.django_db
DAY = {"type": "delay", "days": 1}
WAIT = {"type": "wait_for_event", "eventName": "setup_done"}
ASKED = {"type": "condition", "rules": [{"type": "did_not_event", "eventName": "setup_done"}]}
TRANSACTIONAL = {**MAIL, "isTransactional": True}


def warnings_of(workspace: Workspace, *steps: dict[str, Any]) -> list[str]:
    # No event, so that nothing is said of its properties.
    sequence = make_sequence(workspace, *steps, trigger="manual")
    return list(sequences.readiness(sequence).warnings)


def until(**fields: Any) -> dict[str, Any]:
    return {"type": "delay", "waitUntil": {"field": "due", "source": "attribute", **fields}}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "without or after the date due get the mail email-2 at once"),
        ({"pastAction": "skip"}, "without the date due get the mail"),
        ({"missingAction": "exit"}, "after the date due get the mail"),
        ({"anniversary": True}, "without the date due get the mail"),
        ({"missingAction": "exit", "pastAction": "skip"}, ""),
        ({"missingAction": "exit", "anniversary": True}, ""),
    ],
)
def test_a_date_that_sends_at_once_is_a_warning(
    workspace: Workspace, fields: dict[str, Any], said: str
) -> None:
    found = warnings_of(workspace, until(**fields), TRANSACTIONAL)

    assert len(found) == bool(said)
    assert said in "".join(found)


@pytest.mark.parametrize(
    ("before", "is_said"),
    [([DAY], True), ([], False), ([DAY, ASKED], False), ([WAIT], False), ([DAY, MAIL], True)],
)
def test_an_event_that_may_come_before_its_wait_is_a_warning(
    workspace: Workspace, before: list[dict[str, Any]], *, is_said: bool
) -> None:
    found = warnings_of(workspace, *before, WAIT, TRANSACTIONAL)

    assert any("An event setup_done that comes before" in each for each in found) is is_said
