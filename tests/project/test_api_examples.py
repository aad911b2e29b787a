"""The handbook's examples of the API, run as they are printed, against a live server."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pytest_django.live_server_helper import LiveServer

from events.models import Enrollment, Event, Sequence
from subscribers.models import Subscriber
from tests import factories
from tests.support.calling import Caller
from tests.support.sequence_making import make_sequence

pytestmark = pytest.mark.django_db(transaction=True)
PAGE = (Path(__file__).parents[2] / "templates/docs/api-examples.md").read_text()
LANGUAGES = ("sh", "python", "javascript")
# A page of the list has 100.
MANY = 101


def blocks(language: str, text: str = PAGE) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def run(caller: Caller, server: LiveServer, *command: str, script: str) -> list[str]:
    """Run a script as a reader would; returns the lines that it prints."""
    sequence = Sequence.objects.get(trigger="manual")
    found = Event.objects.filter(definition__name="order.placed").first()
    environment = {
        "PATH": os.environ["PATH"],
        "CUELINE_URL": server.url,
        "CUELINE_KEY": caller.key,
        "SEQUENCE_ID": sequence.public_id,
        "EVENT_ID": found.public_id if found else "",
    }
    done = subprocess.run(
        command,
        input=script,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.fixture
def world(caller: Caller) -> Caller:
    """Return the caller of a workspace with two sequences and more people than a page has."""
    make_sequence(caller.workspace, {"type": "delay", "days": 1}, trigger="manual")
    make_sequence(caller.workspace, eventName="order.placed", name="Later", is_active=False)
    factories.SubscriberFactory.create_batch(MANY, workspace=caller.workspace)
    return caller


def everything_was_done() -> None:
    """Assert what the ten examples leave behind."""
    event = Event.objects.get()
    assert (event.event_id, event.properties) == ("order-7", {"order": {"id": "7"}})
    ada = Subscriber.objects.get(email="ada@example.com")
    assert [each.tag.name for each in ada.tag_links.all()] == ["customer"]
    assert ada.status == "unsubscribed"
    assert Enrollment.objects.get().subscriber == ada
    assert Subscriber.objects.count() == MANY + 1


def test_each_of_the_ten_has_an_example_in_each_language() -> None:
    sections = PAGE.split("\n## ")[1:]

    assert len(sections) == 10
    for section in sections:
        assert [len(blocks(language, section)) for language in LANGUAGES] == [1, 1, 1], section


def test_the_calls_by_curl(world: Caller, live_server: LiveServer) -> None:
    first, *others = (block.replace("\n\n", "\necho\n") for block in blocks("sh"))

    # The others name the event that the first one sends.
    lines = [
        line
        for script in (first, "\necho\n".join(others))
        for line in run(world, live_server, "bash", "-e", script=script)
    ]

    answers: list[Any] = [json.loads(line) for line in lines]
    assert len(answers) == 12
    assert all(answer["success"] for answer in answers), answers
    (person,) = [each["subscriber"] for each in answers if "emailStats" in str(each)]
    assert person["customAttributes"] == {"plan": "pro"}
    everything_was_done()


@pytest.mark.parametrize("language", ["python", "javascript"])
def test_the_calls_by_a_program(world: Caller, live_server: LiveServer, language: str) -> None:
    command = [sys.executable, "-"] if language == "python" else [node(), "--input-type=module"]
    people = {person.email for person in Subscriber.objects.all()}

    lines = run(world, live_server, *command, script="\n".join(blocks(language)))

    event = Event.objects.get()
    assert lines[:3] == [event.public_id, "pro", "active Grace"]
    listed, after = lines[3 : MANY + 5], lines[MANY + 5 :]
    assert sorted(listed) == sorted({*people, "ada@example.com", "grace@example.com"})
    assert after[:3] == ["customer", "0", "1 0"]
    event_id, _, effects = after[3].partition(" ")
    assert event_id == "order-7"
    (refusal,) = json.loads(effects)["sequencesNotStarted"]
    assert refusal["reason"] == "sequence_not_active"
    assert [each.lower() for each in after[4:]] == ["unsubscribed", "true"]
    everything_was_done()


def node() -> str:
    """Return where Node.js is; without it the test is left out, but not in CI."""
    found = shutil.which("node")
    if found is None and "CI" not in os.environ:
        pytest.skip("Node.js is not installed, so the examples in JavaScript cannot run.")
    assert found, "CI installs nodejs."
    return found
