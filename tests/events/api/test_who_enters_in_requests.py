"""New and pending people, repeats, dry runs and other workspaces."""

from datetime import UTC, datetime
from typing import Any

import pytest

from events.models import Enrollment
from events.services.sequences import sequences
from subscribers.models import List, Subscriber
from subscribers.services.workspaces import workspaces
from tests import factories
from tests.conftest import new_caller
from tests.support.calling import Caller
from tests.support.enrollment_making import effects_of, enrollments, names_in, reasons_in
from tests.support.sequence_making import make_sequence

pytestmark = pytest.mark.usefixtures("both_ways")

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
WAIT = {"type": "wait_for_event", "eventName": "purchased"}
MONTH = {"type": "delay", "days": 30}
Status = Enrollment.Status


def person_of(caller: Caller, **columns: Any) -> Subscriber:
    return factories.SubscriberFactory.create(
        workspace=caller.workspace, email="a@example.com", **columns
    )


def test_a_new_person_enters_by_the_lists_they_join(db: None) -> None:
    workspace = workspaces.create(name="Acme", default_lists=["News", "Offers"])
    news = List.objects.get(name="News")
    List.objects.create(workspace=workspace, name="Other")
    make_sequence(workspace, name="News", trigger="contact_added", lists=["News"])
    make_sequence(workspace, name="Any list", trigger="contact_added")
    make_sequence(workspace, name="Other", trigger="contact_added", lists=["Other"])
    caller = new_caller(workspace)

    caller.bulk({"name": "a"})
    caller.bulk({"name": "a"})

    assert [enrollment.sequence.name for enrollment in enrollments()] == ["News", "Any list"]
    assert enrollments()[0].entered_via == {"kind": "list", "name": news.name}
    assert enrollments()[0].started_by is None
    assert effects_of("a") == {}


def test_a_new_person_without_lists_enters_what_any_contact_enters(caller: Caller) -> None:
    make_sequence(caller.workspace, name="Lists", trigger="contact_added")
    make_sequence(
        caller.workspace, name="Anybody", trigger="contact_added", listScope="any_contact"
    )

    caller.bulk({"name": "a"})

    assert [enrollment.sequence.name for enrollment in enrollments()] == ["Anybody"]


def test_an_enrollment_that_a_list_began_is_stopped_by_the_request_s_first_event(db: None) -> None:
    workspace = workspaces.create(name="Acme", default_lists=["News"])
    make_sequence(
        workspace,
        MONTH,
        trigger="contact_added",
        stopCondition={"type": "event_received", "value": "cancelled"},
    )

    new_caller(workspace).bulk({"name": "cancelled"})

    assert [enrollment.status for enrollment in enrollments()] == [Status.STOPPED]


def test_a_pending_person_s_enrollments_wait_for_the_confirmation(db: None) -> None:
    workspace = workspaces.create(name="Acme", double_opt_in=True, default_lists=["News"])
    make_sequence(workspace, name="Welcome")
    make_sequence(workspace, name="Anybody", trigger="contact_added", listScope="any_contact")
    make_sequence(workspace, name="List", trigger="contact_added")
    caller = new_caller(workspace)

    caller.bulk({"name": "signup"})

    assert sorted(enrollment.sequence.name for enrollment in enrollments()) == [
        "Anybody",
        "Welcome",
    ]
    assert {enrollment.status for enrollment in enrollments()} == {Status.WAITING_CONFIRMATION}
    assert {enrollment.due_at for enrollment in enrollments()} == {None}


def test_a_repeat_starts_nothing_and_is_not_rewritten(caller: Caller) -> None:
    make_sequence(caller.workspace)
    caller.bulk({"name": "signup", "eventId": "1"})
    before = effects_of("signup")
    Enrollment.objects.all().delete()

    caller.bulk({"name": "signup", "eventId": "1"})

    assert not enrollments()
    assert effects_of("signup") == before


def test_a_dry_run_tells_what_a_repeat_would_not_start(caller: Caller) -> None:
    make_sequence(caller.workspace, name="Welcome")
    caller.bulk({"name": "signup", "eventId": "1"})

    reply = caller.bulk({"name": "signup", "eventId": "1"}, query="?dryRun=true")

    (effects,) = reply.json["effects"]
    assert reasons_in(effects) == {"Welcome": "duplicate"}
    assert effects.keys() == {"sequencesNotStarted"}


def test_a_dry_run_starts_nothing(caller: Caller) -> None:
    make_sequence(caller.workspace, name="Welcome")

    reply = caller.bulk({"name": "signup"}, query="?dryRun=true")

    assert names_in(reply.json["effects"][0], "sequencesStarted") == ["Welcome"]
    assert not enrollments()


def test_a_request_that_fails_altogether_leaves_no_enrollment_of_its_lists(caller: Caller) -> None:
    make_sequence(caller.workspace, trigger="contact_added", listScope="any_contact")

    reply = caller.bulk({"name": "x" * 201})

    assert reply.status == 400
    assert not enrollments()


def test_another_workspace_s_sequences_are_nobody_s_here(caller: Caller, stranger: Caller) -> None:
    make_sequence(stranger.workspace)

    caller.bulk({"name": "signup"})

    assert not enrollments()


def test_a_sequence_made_meanwhile_counts_at_the_next_request(caller: Caller) -> None:
    for _ in range(3):
        caller.bulk({"name": "signup"})

    sequence = make_sequence(caller.workspace)
    caller.bulk({"name": "signup"})
    sequences.pause(sequence=sequence, now=NOON)
    caller.bulk({"name": "signup"}, email="b@example.com")

    assert len(enrollments()) == 1
