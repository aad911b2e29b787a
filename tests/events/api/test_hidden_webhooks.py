"""What keys that may only read see of webhooks, whose addresses and bodies may hold secrets."""

import pytest

from subscribers.models.api_key import Scope
from subscribers.services.workspaces import api_keys
from tests.support.calling import Caller
from tests.support.resources import PEOPLE, done
from tests.support.sequence_making import make_sequence

pytestmark = pytest.mark.django_db
SEQUENCES = "/api/v1/sequences"


def test_a_key_that_may_only_read_sees_the_host_of_a_webhook_alone(caller: Caller) -> None:
    url, body = "https://example.com/secret-1?key=secret-2", '{"token": "secret-3"}'
    step = {"type": "webhook", "id": "call", "url": url, "body": body}
    path = f"{SEQUENCES}/{make_sequence(caller.workspace, step, trigger='manual').public_id}"
    caller.post(PEOPLE, {"email": "ada@example.com"})
    made = api_keys.create(workspace=caller.workspace, name="reader", scopes=[Scope.SEQUENCES_READ])
    reader = Caller(workspace=caller.workspace, key=made.text)
    simulated = f"{path}/simulate?email=ada@example.com"

    read = [done(reader.get(each)) for each in (path, simulated)]
    written = [done(caller.get(each)) for each in (path, simulated)]

    assert "secret" not in str(read)
    assert all("https://example.com/•••" in str(each) for each in read)
    (call,) = (each for each in read[0]["sequence"]["nodes"] if each["id"] == "call")
    assert call["config"]["body"] == "•••"
    for each in written:
        assert url in str(each)
        assert "secret-3" in str(each)
