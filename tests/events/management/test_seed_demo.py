"""`seed_demo`: what it says, what it refuses, and that twice is once."""

import io

import pytest
from django.core.management import CommandError, call_command

from subscribers.models import Subscriber, Workspace
from tests import factories


def run(*options: str) -> str:
    """Return what the command printed."""
    output = io.StringIO()
    call_command("seed_demo", *options, stdout=output)
    return output.getvalue()


@pytest.mark.django_db
def test_twice_is_once() -> None:
    first = run()
    people = Subscriber.objects.count()

    second = run()

    assert first.startswith("Made the workspace demo: 290 people, ")
    assert second == "The demo is there already, in the workspace demo.\n"
    assert Subscriber.objects.count() == people == 290


@pytest.mark.django_db
def test_a_workspace_with_people_is_refused() -> None:
    factories.SubscriberFactory.create(workspace__slug="acme")

    with pytest.raises(CommandError, match="acme has people"):
        run("--workspace", "acme")


@pytest.mark.django_db
@pytest.mark.parametrize("scale", ["0", "-1", "10001"])
def test_a_scale_out_of_range_is_refused(scale: str) -> None:
    with pytest.raises(CommandError, match="--scale must be 1 to 10000"):
        run("--scale", scale)


@pytest.mark.django_db(transaction=True)
def test_a_scale_of_two_brings_as_many_again() -> None:
    printed = run("--scale", "2", "--workspace", "big")

    assert "Imported 260 people more" in printed
    big = Workspace.objects.get(slug="big")
    assert Subscriber.objects.filter(workspace=big).count() == 290 + 260
