"""Keys in the editor's form."""

from django.test import Client

from events.models import Sequence
from subscribers.models import Workspace
from tests.events.admin.sequence_editor.test_sequence_editor import ADD, errors_of, filled
from tests.support.sequence_making import make_sequence


def test_a_key_that_is_taken_is_told(admin_client: Client, workspace: Workspace) -> None:
    make_sequence(workspace, name="Welcome")

    answer = admin_client.post(ADD, filled(workspace))

    assert "another sequence with the key welcome" in errors_of(answer)
    assert Sequence.objects.count() == 1
