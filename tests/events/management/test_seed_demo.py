"""`seed_demo`: what it prints and refuses, and that a second run changes nothing.

`DEMO_SCALE` (1) times the people are made: with 2 the others are imported, before a release.
"""

import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from tests import factories
from tests.support.running import ROOT

SCALE = int(os.environ.get("DEMO_SCALE", "1"))


def run(*options: str) -> str:
    """Return what the command printed."""
    output = io.StringIO()
    call_command("seed_demo", *options, stdout=output)
    return output.getvalue()


@pytest.mark.parametrize("held", [{"MAIL_PAUSED": True}, {"EMAIL_ALLOW": ("example.com",)}])
def test_settings_that_hold_all_mail_are_refused(settings: Settings, held: dict[str, Any]) -> None:
    for name, value in held.items():
        setattr(settings, name, value)

    with pytest.raises(CommandError, match="Run the command with MAIL_PAUSED="):
        run()


@pytest.mark.live
@pytest.mark.xdist_group("commands")
def test_an_empty_database_gets_tables_and_twice_is_once(
    environment: dict[str, str],
) -> None:
    Path(environment["DATA_DIR"]).mkdir()
    seed = ["seed_demo", "--scale", str(SCALE), "--workspace", "big"]
    count = "from subscribers.models import Subscriber; print(Subscriber.objects.count())"

    first = manage(environment, *seed).splitlines()
    second = manage(environment, *seed)
    people = manage(environment, "shell", "--verbosity", "0", "--command", count)

    assert first[0] == "The database has no tables yet: creating them first."
    assert first[1].startswith("Made the workspace big: 190 people, ")
    assert [line[:24] for line in first[2:-1]] == ["Imported 160 people more"] * (SCALE - 1)
    assert second == "The demo is there already, in the workspace big.\n"
    assert people == f"{190 + 160 * (SCALE - 1)}\n"


def manage(environment: dict[str, str], *arguments: str) -> str:
    """Return what a command of its own process printed."""
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


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
