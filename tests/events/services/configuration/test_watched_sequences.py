"""What the write path reads about a workspace's sequences."""

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from events.decisions.watched import Watched
from events.models import Enrollment
from events.services.configuration import watched_sequences
from events.services.sequences import sequences
from subscribers.models import List, Tag, Workspace
from tests import factories
from tests.support.enrollment_making import make_enrollment
from tests.support.sequence_making import MAIL, make_sequence

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
WAIT = {"type": "wait_for_event", "eventName": "came"}


def test_a_workspace_without_sequences_costs_one_query(workspace: Workspace) -> None:
    with CaptureQueriesContext(connection) as queries:
        found = watched_sequences.read(workspace_id=workspace.pk)

    assert found == Watched()
    assert len(queries) == 1


def test_many_sequences_cost_four_queries(workspace: Workspace) -> None:
    factories.ListFactory.create(workspace=workspace, name="News")
    for number in range(3):
        make_sequence(workspace, WAIT, name=f"E{number}")
        make_sequence(workspace, name=f"T{number}", trigger="tag_added", tagNames=[f"tag {number}"])
        make_sequence(workspace, name=f"L{number}", trigger="contact_added", lists=["News"])

    with CaptureQueriesContext(connection) as queries:
        found = watched_sequences.read(workspace_id=workspace.pk)

    assert len(queries) == 4
    assert [each.name for each in found.starting("event_received", "signup")] == ["E0", "E1", "E2"]
    tag_ids = {key for type_, key in found.starts if type_ == "tag_added"}
    assert tag_ids == set(Tag.objects.values_list("pk", flat=True))
    assert len(found.starting("list_joined", List.objects.get().pk)) == 3
    assert len(found.waits_by_event["came"]) == 3


def test_a_draft_is_watched_but_not_active_and_an_archived_one_starts_nothing(
    workspace: Workspace,
) -> None:
    draft = make_sequence(workspace, WAIT, name="Draft", is_active=False)
    archived = make_sequence(
        workspace, WAIT, name="Archived", stopCondition={"type": "event_received", "value": "end"}
    )
    sequences.archive(sequence=archived, now=NOON)

    found = watched_sequences.read(workspace_id=workspace.pk)

    (watched,) = found.starting("event_received", "signup")
    assert (watched.id, watched.is_active) == (draft.pk, False)
    # Its enrollments are held, and end all the same.
    assert archived.pk in found.stops_by_event["end"]
    assert archived.pk in {wait.sequence_id for wait in found.waits_by_event["came"].values()}


def test_waits_of_an_earlier_version_are_watched_while_an_enrollment_has_it(
    workspace: Workspace,
) -> None:
    sequence = make_sequence(workspace, WAIT)
    make_enrollment(sequence, factories.SubscriberFactory.create(workspace=workspace))
    other = make_sequence(workspace, {**WAIT, "eventName": "later"}, name="Other")
    sequences.edit(sequence=sequence, spec=sequences.spec_of(other), now=NOON)

    found = watched_sequences.read(workspace_id=workspace.pk)

    assert found.waits_by_event.keys() == {"came", "later"}
    assert len(found.waits_by_event["later"]) == 2


@pytest.mark.parametrize(
    ("is_transactional", "lane"),
    [(True, Enrollment.Lane.TRANSACTIONAL), (False, Enrollment.Lane.MARKETING)],
)
def test_the_lane_is_the_first_step_s(
    workspace: Workspace, lane: Enrollment.Lane, *, is_transactional: bool
) -> None:
    sequence = make_sequence(workspace, {**MAIL, "isTransactional": is_transactional}, WAIT)

    found = watched_sequences.read(workspace_id=workspace.pk)

    assert found.sequences[sequence.pk].lane == lane


def test_a_tag_that_was_deleted_starts_nothing(workspace: Workspace) -> None:
    make_sequence(workspace, trigger="tag_added", tagNames=["vip"])
    Tag.objects.all().delete()

    assert not watched_sequences.read(workspace_id=workspace.pk).starts
