"""What a key marked test starts is marked, whichever way its events come in."""

from collections.abc import Callable

import pytest

from events.models import Enrollment
from subscribers.models import ApiKey, Workspace
from subscribers.services.workspaces import api_keys
from tests.support.calling import IMPORTS, SINGLE, Caller
from tests.support.sequence_making import make_sequence

pytestmark = pytest.mark.usefixtures("both_ways")

PERSON = {"email": "a@example.com"}
Send = Callable[[Caller], object]
WAYS = [
    pytest.param(lambda caller: caller.bulk({"name": "signup"}), id="bulk"),
    pytest.param(lambda caller: caller.post(SINGLE, {**PERSON, "event": "signup"}), id="single"),
    pytest.param(
        lambda caller: caller.post(
            IMPORTS, {"events": [{**PERSON, "name": "signup", "eventId": "1"}]}
        ),
        id="import",
    ),
]


@pytest.fixture
def test_caller(workspace: Workspace) -> Caller:
    """An application with a key marked test, which the process knows."""
    made = api_keys.create(workspace=workspace, name="staging", is_test=True)
    caller = Caller(workspace=workspace, key=made.text)
    for _ in range(2):
        caller.bulk({"name": "known"})
    return caller


@pytest.mark.parametrize("send", WAYS)
def test_enrollments_that_a_test_key_starts_are_marked(test_caller: Caller, send: Send) -> None:
    make_sequence(test_caller.workspace)

    send(test_caller)

    assert Enrollment.objects.get().is_test


@pytest.mark.parametrize("send", WAYS)
def test_enrollments_that_another_key_of_the_workspace_starts_are_not(
    test_caller: Caller, caller: Caller, send: Send
) -> None:
    make_sequence(test_caller.workspace)

    send(caller)

    assert not Enrollment.objects.get().is_test
    assert ApiKey.objects.filter(is_test=True).count() == 1
