"""`export_subscriber`: which person it finds, and where it writes the document."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from subscribers.models import Subscriber, Workspace
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(workspace: Workspace) -> Subscriber:
    person: Subscriber = factories.SubscriberFactory.create(
        workspace=workspace, email="ada@example.com", external_id="user_1"
    )
    return person


def run(*arguments: str) -> str:
    output = StringIO()
    call_command("export_subscriber", *arguments, "--workspace", "acme", stdout=output)
    return output.getvalue()


def test_a_person_is_found_by_each_of_their_names(ada: Subscriber) -> None:
    for name in ("ADA@example.com", "ext:user_1", ada.public_id):
        assert json.loads(run(name))["subscriber"]["id"] == ada.public_id


def test_the_document_can_go_to_a_file(ada: Subscriber, tmp_path: Path) -> None:
    file = tmp_path / "ada.json"

    assert run("ada@example.com", str(file)) == ""
    assert json.loads(file.read_bytes())["subscriber"]["email"] == "ada@example.com"


def test_nobody_else_is_found(ada: Subscriber) -> None:
    factories.SubscriberFactory.create(email="bob@example.com")

    for name in ("bob@example.com", "ext:user_2", "Ada", "sub_" + "0" * 32):
        with pytest.raises(CommandError):
            run(name)
