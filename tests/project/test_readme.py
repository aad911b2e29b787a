"""The first steps of README and handbook, done as written: requests, the file, and its mails."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core.management import call_command
from pytest_django.fixtures import Settings

from tests.support import smtp_server
from tests.support.calling import Caller
from tests.support.enrollment_making import effects_of, names_in
from tests.support.sequence_making import NOON
from tests.support.smtp_server import SmtpServer
from tests.support.time_travel import TimeTravel

ROOT = Path(__file__).parents[2]
LONGEST_README = 250
README = (ROOT / "README.md").read_text()
BODIES = re.findall(
    r"curl -X POST \S+/events/bulk.*?-d '(\{.*?\})'",
    README + (ROOT / "templates/docs/sending-events.md").read_text(),
    re.DOTALL,
)
FILE = re.search(r"^```yaml\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


@pytest.fixture
def server(settings: Settings) -> Iterator[SmtpServer]:
    with smtp_server.receiving(settings) as server:
        yield server


def send(caller: Caller, body: dict[str, Any]) -> int:
    person = {name: value for name, value in body.items() if name != "events"}
    return caller.bulk(*body["events"], **person).status


def test_the_readme_stays_short() -> None:
    assert len(README.splitlines()) <= LONGEST_README


def test_its_requests_are_taken(caller: Caller) -> None:
    bodies = [json.loads(body) for body in BODIES]

    with time_machine.travel(NOON, tick=False):
        answers = [send(caller, body) for body in bodies]

    assert len(answers) >= 3
    assert set(answers) == {200}


def test_its_first_sequence_sends_both_mails_and_the_event_says_why(
    caller: Caller, server: SmtpServer, tmp_path: Path
) -> None:
    assert FILE is not None
    file = tmp_path / "welcome.yaml"
    file.write_text(FILE[1])
    call_command("import_sequences", str(file), workspace=caller.workspace.slug, activate=True)
    signup = next(json.loads(body) for body in BODIES if '"signup"' in body)
    travel = TimeTravel(NOON)

    with time_machine.travel(NOON, tick=False):
        send(caller, signup)
    travel.run_for(timedelta(minutes=1))
    after_a_minute = list(server.taken)
    travel.run_for(timedelta(minutes=1))

    first, second = server.taken
    assert after_a_minute == [first]
    assert b"Subject: Hi Ada" in first.content
    assert b"Welcome to Pro" in first.content
    assert b"Subject: How is it going?" in second.content
    assert names_in(effects_of("signup"), "sequencesStarted") == ["Welcome"]
