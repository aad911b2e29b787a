"""Once a day, three times in all, by mailbox; an answer resets the count."""

from datetime import datetime, timedelta

import pytest

from subscribers.models import AskedAddress, Workspace
from subscribers.services.consent import limits
from tests.support.sequence_making import NOON

pytestmark = pytest.mark.django_db
DAY = timedelta(hours=24)


def take(workspace: Workspace, email_key: str = "ada@example.com", at: datetime = NOON) -> str:
    refused = limits.take(workspace=workspace, email_key=email_key, now=at)
    return refused.reason if refused else "taken"


def test_once_in_24_hours_and_three_times_in_all(workspace: Workspace) -> None:
    said = [
        take(workspace, at=NOON + each)
        for each in (
            0 * DAY,
            DAY - timedelta(seconds=1),
            DAY,
            2 * DAY,
            3 * DAY,
            1000 * DAY,
        )
    ]

    assert said == [
        "taken", "asked_recently", "taken", "taken", "asked_too_often", "asked_too_often"
    ]  # fmt: skip


def test_plus_addresses_are_one_mailbox_and_others_are_not(workspace: Workspace) -> None:
    said = [
        take(workspace, each)
        for each in ("ada@example.com", "ada+1@example.com", "bob@example.com", "ada@example.org")
    ]

    assert said == ["taken", "asked_recently", "taken", "taken"]


def test_workspaces_count_apart(workspace: Workspace) -> None:
    other = Workspace.objects.create(name="Other", slug="other")

    assert [take(workspace), take(other)] == ["taken", "taken"]


def test_a_reminder_waits_for_no_pause_but_counts(workspace: Workspace) -> None:
    key = "ada@example.com"
    take(workspace)

    said = [
        limits.take(workspace=workspace, email_key=key, now=NOON, is_reminder=True)
        for _ in range(3)
    ]

    assert said == [None, None, limits.Refused("asked_too_often")]
    assert AskedAddress.objects.get().mails == 3


def test_an_answer_resets_the_count(workspace: Workspace) -> None:
    for number in range(3):
        take(workspace, at=NOON + number * DAY)

    limits.begin_anew(workspace=workspace, email_key="ada+news@example.com")

    assert take(workspace, at=NOON + 2 * DAY) == "taken"
    assert take(workspace, at=NOON + 2 * DAY) == "asked_recently"
