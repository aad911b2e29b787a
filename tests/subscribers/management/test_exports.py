"""`export_subscribers` and `export_events`: where and what they write, what they refuse."""

import csv
import gzip
import json
import os
import signal
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import msgspec
import pytest
from django.core.management import CommandError, call_command
from django.core.management.base import CommandParser

from events.models import Event
from subscribers.management.exporting import arguments
from subscribers.management.exporting.command import ExportCommand
from subscribers.models import Workspace
from tests import factories
from tests.support.segment_making import make_segment

pytestmark = pytest.mark.django_db
EXPORTS = ["export_subscribers", "export_events"]


class Row(msgspec.Struct):
    """A row that nobody gets to see."""

    name: str


class Stopped(ExportCommand):
    """An export that is told to end before its first page."""

    def add_arguments(self, parser: CommandParser) -> None:
        arguments.add_to(parser)

    def handle(self, *_: Any, **options: Any) -> None:
        def pages() -> list[list[Row]]:
            os.kill(os.getpid(), signal.SIGTERM)
            raise AssertionError("It goes on.")

        self.export(options=options, pages=pages, row_type=Row, noun="rows")


@pytest.fixture
def event(workspace: Workspace) -> Event:
    """One event of Ada."""
    made: Event = factories.EventFactory.create(
        subscriber__workspace=workspace,
        subscriber__email="ada@example.com",
        definition__name="opened",
        properties={"n": 1},
    )
    return made


def run(*arguments: str) -> tuple[str, str]:
    """Return what a command wrote to its outputs."""
    output, said = StringIO(), StringIO()
    call_command(*arguments, "--workspace", "acme", stdout=output, stderr=said)
    return output.getvalue(), said.getvalue()


@pytest.mark.parametrize("command", EXPORTS)
def test_the_standard_output_gets_csv(event: Event, command: str) -> None:
    printed, said = run(command)

    [row] = csv.DictReader(StringIO(printed, newline=""))
    assert row["email"] == "ada@example.com"
    assert said.startswith("Exported 1 ")
    assert run(command, "-", "--verbosity", "0") == (printed, "")


@pytest.mark.parametrize("command", EXPORTS)
def test_the_format_is_what_is_asked_for_or_what_the_name_says(
    event: Event, command: str, tmp_path: Path
) -> None:
    file, packed = tmp_path / "a.jsonl", tmp_path / "b.JSONL.gz"

    printed, _ = run(command, "--format", "jsonl")
    run(command, str(file))
    run(command, str(packed))

    assert json.loads(printed)["email"] == "ada@example.com"
    assert file.read_text() == printed
    assert gzip.decompress(packed.read_bytes()).decode() == printed
    with pytest.raises(CommandError, match="--format"):
        run(command, str(tmp_path / "people.txt"))


def test_an_empty_workspace_gives_a_heading_alone(workspace: Workspace) -> None:
    assert run("export_events")[0] == (
        "id,email,externalId,name,eventId,occurredAt,receivedAt,properties\r\n"
    )
    assert run("export_events", "--format", "jsonl")[0] == ""


def test_options_narrow_what_is_written(event: Event, workspace: Workspace) -> None:
    factories.EventFactory.create(
        subscriber__workspace=workspace,
        definition=event.definition,
        subscriber__external_id="user_2",
    )
    factories.SubscriberTagFactory.create(
        subscriber=event.subscriber, tag__name="vip", tag__workspace=workspace
    )

    def emails(*arguments: str) -> list[str]:
        printed, _ = run(*arguments)
        return [row["email"] for row in csv.DictReader(StringIO(printed, newline=""))]

    assert len(emails("export_events", "--name", "opened")) == 2
    assert emails("export_events", "--email", "ADA@example.com") == ["ada@example.com"]
    assert emails("export_events", "--tag", "VIP") == ["ada@example.com"]
    assert emails("export_events", "--since", "2026-11-24T13:00:00+01:00", "--tag", "vip")
    assert emails("export_events", "--until", "2026-11-24T12:00:00Z") == []
    assert emails("export_subscribers", "--tag", "vip") == ["ada@example.com"]
    assert emails("export_subscribers", "--status", "bounced", "--status", "pending") == []
    assert "ada@example.com" not in emails("export_subscribers", "--email", "ext:user_2")
    make_segment(workspace, name="VIPs")
    assert emails("export_subscribers", "--segment", "VIPs") == ["ada@example.com"]
    assert emails("export_events", "--segment", "VIPs") == ["ada@example.com"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["export_events", "--name", "closed"], "There is no event 'closed'"),
        (["export_events", "--list", "News"], "There is no list 'News'"),
        (["export_subscribers", "--tag", "vip"], "There is no tag 'vip'"),
        (["export_subscribers", "--segment", "VIPs"], "There is no segment 'VIPs'"),
        (["export_subscribers", "--email", "bob@example.com"], "bob@example.com"),
        (["export_subscribers", "--since", "yesterday"], "--since must be an ISO 8601 time"),
        (["export_subscribers", "/nowhere/people.csv"], "/nowhere/people.csv cannot be written"),
    ],
)
def test_invalid_arguments_are_reported(event: Event, arguments: list[str], words: str) -> None:
    with pytest.raises(CommandError, match=words):
        run(*arguments)


def test_an_unknown_workspace_is_reported() -> None:
    with pytest.raises(CommandError, match="no workspace with the slug 'acme'"):
        run("export_events")


def test_an_export_that_fails_leaves_the_file_as_it_was(event: Event, tmp_path: Path) -> None:
    file = tmp_path / "events.csv"
    file.write_text("before")

    with pytest.raises(CommandError, match="closed"):
        run("export_events", str(file), "--name", "closed")

    assert [each.name for each in tmp_path.iterdir()] == ["events.csv"]
    assert file.read_text() == "before"


def test_an_interrupted_export_leaves_no_file_and_ends_with_130(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "events.csv"

    with pytest.raises(SystemExit) as end:
        call_command(Stopped(), str(file), "--workspace", "acme")

    assert end.value.code == 130
    assert list(tmp_path.iterdir()) == []
    assert f"Interrupted; {file} was not written." in capsys.readouterr().err


def test_a_reader_that_stops_early_ends_it_silently(tmp_path: Path) -> None:
    """As `manage.py export_events … | head` does."""
    source = (
        "from subscribers.management.exporting.command import ExportCommand\n"
        "from subscribers.management.exporting import arguments\n"
        "import msgspec\n"
        "class Row(msgspec.Struct):\n    name: str\n"
        "class Command(ExportCommand):\n"
        "    def add_arguments(self, parser):\n"
        "        arguments.add_to(parser)\n"
        "    def handle(self, *args, **options):\n"
        "        pages = lambda: ([Row('x' * 100)] * 1000 for _ in range(1000))\n"
        "        self.export(options=options, pages=pages, row_type=Row, noun='rows')\n"
        "from django.core.management import call_command\n"
        "call_command(Command(), '--workspace', 'acme')\n"
    )
    environment = {**os.environ, "DATA_DIR": str(tmp_path), "DATABASE_URL": ""}
    code = f"import django; django.setup()\n{source}"
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
    ) as process:
        assert process.stdout
        assert process.stderr
        first = process.stdout.readline()
        process.stdout.close()
        complaints = process.stderr.read()

    assert first == b"name\r\n"
    assert complaints == b""
    assert process.returncode == 1
