"""`seed_demo`: what it prints and refuses, and that a second run changes nothing."""

import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from subscribers.models import Subscriber
from tests import factories
from tests.support.running import ROOT


def run(*options: str) -> str:
    """Return what the command printed."""
    output = io.StringIO()
    call_command("seed_demo", *options, stdout=output)
    return output.getvalue()


@pytest.mark.django_db(transaction=True)
def test_a_scale_of_two_brings_as_many_again_and_twice_is_once() -> None:
    first = run("--scale", "2", "--workspace", "big")
    people = Subscriber.objects.filter(workspace__slug="big").count()

    second = run("--workspace", "big")

    assert first.startswith("Made the workspace big: 190 people, ")
    assert "Imported 160 people more" in first
    assert second == "The demo is there already, in the workspace big.\n"
    assert Subscriber.objects.count() == people == 190 + 160


@pytest.mark.parametrize("held", [{"MAIL_PAUSED": True}, {"EMAIL_ALLOW": ("example.com",)}])
def test_settings_that_hold_all_mail_are_refused(settings: Settings, held: dict[str, Any]) -> None:
    for name, value in held.items():
        setattr(settings, name, value)

    with pytest.raises(CommandError, match="Run the command with MAIL_PAUSED="):
        run()


@pytest.mark.live
@pytest.mark.xdist_group("commands")
def test_a_database_without_tables_gets_them_first(environment: dict[str, str]) -> None:
    Path(environment["DATA_DIR"]).mkdir()

    done = subprocess.run(
        [sys.executable, "manage.py", "seed_demo"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )

    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "The database has no tables yet: creating them first."
    assert lines[1].startswith("Made the workspace demo: 190 people, ")


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
