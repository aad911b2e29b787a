"""People as operators name them, each within one workspace."""

import pytest

from subscribers.models import Subscriber, Workspace
from subscribers.services.audience import named_people
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def person(workspace: Workspace) -> Subscriber:
    return factories.SubscriberFactory.create(
        workspace=workspace, email="ada@example.com", external_id="ext:1"
    )


@pytest.mark.parametrize("name", [" ADA@Example.com ", "ext:ext:1", "ext: ext:1 ", "id"])
def test_each_form_finds_the_person(person: Subscriber, name: str) -> None:
    text = person.public_id if name == "id" else name

    assert named_people.find(workspace=person.workspace, name=text) == person


@pytest.mark.parametrize("name", ["ada@example.com", "ext:ext:1", "id"])
def test_nobody_of_another_workspace_is_found(person: Subscriber, name: str) -> None:
    elsewhere = factories.WorkspaceFactory.create(slug="elsewhere")
    text = person.public_id if name == "id" else name

    with pytest.raises(named_people.NobodyNamed, match=r"There is nobody named .* elsewhere"):
        named_people.find(workspace=elsewhere, name=text)


@pytest.mark.parametrize("name", ["", "ada", "sub_1", "1"])
def test_a_name_in_no_form_is_answered_with_the_forms(person: Subscriber, name: str) -> None:
    with pytest.raises(named_people.NobodyNamed, match="People are named by an address, ext:"):
        named_people.find(workspace=person.workspace, name=name)
