"""`prune_events`: it says what it would delete, asks first, and says what it deleted."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command

from events.models import Event
from subscribers.models import Workspace
from tests import factories


def call(capsys: pytest.CaptureFixture[str], workspace: Workspace, *words: str) -> str:
    """Run a command on the workspace and return what it printed on standard output."""
    call_command(*words, "--workspace", workspace.slug)
    return capsys.readouterr().out


def test_old_events_are_pruned_or_foretold(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    person = factories.SubscriberFactory.create(workspace=workspace)
    now = datetime.now(tz=UTC)
    definition = factories.EventDefinitionFactory.create(workspace=workspace)
    for days in (10, 400):
        factories.EventFactory.create(
            subscriber=person, definition=definition, occurred_at=now - timedelta(days=days)
        )
    older = ("prune_events", "--older-than", "52w")

    foretold = call(capsys, workspace, *older, "--dry-run")
    before = Event.objects.count()
    said = call(capsys, workspace, *older, "--yes")

    name = Event.objects.get().definition.name
    assert foretold == (
        f"{name}: 1 and 0 for enrollments under way\n"
        "Would delete 1 events and keep 0 for enrollments under way.\n"
    )
    assert before == 2
    assert said == (f"{name}: 1\nDeleted 1 events and kept 0 for enrollments under way.\n")
    assert Event.objects.count() == 1


@pytest.mark.parametrize("age", ["365", "0d", "-1d", "1y", "d", "999999d", ""])
def test_an_age_that_is_none_is_refused(
    workspace: Workspace, capsys: pytest.CaptureFixture[str], age: str
) -> None:
    with pytest.raises(CommandError, match="--older-than must be a number and h, d or w"):
        call(capsys, workspace, "prune_events", f"--older-than={age}", "--yes")


def test_a_name_that_never_came_is_refused(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(CommandError, match=r"No event named 'order.plced' was ever recorded"):
        call(
            capsys, workspace, "prune_events", "--older-than=1d", "--name=order.plced", "--dry-run"
        )
