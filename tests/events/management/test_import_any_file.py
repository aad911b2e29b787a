"""History in files in the manner of what people upload."""

import contextlib
import io
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from events.models import Event
from subscribers.services.workspaces import workspaces

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def workspace(db: None) -> None:
    workspaces.create(name="Acme", slug="acme")


@pytest.mark.parametrize(
    "text",
    [
        "sep=;\r\nE-Mail;event;timestamp;;\r\nmailto:g@x.io;paid;01.05.2023 12:00;;\r\n;;;;\r\n",
        """
,,
email,event,timestamp,properties.seats
email,event,timestamp,Seats
Grace <g@x.io>,paid,2023-05-01T10:00:00Z,7
""",
        '{"email":"\u200bg@x.io","event":"paid","timestamp":"2023-05-01T10:00:00Z"}\n',
    ],
)
def test_a_file_as_people_have_it_comes_in(tmp_path: Path, text: str) -> None:
    name = "events.jsonl" if text.startswith("{") else "events.csv"

    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    shown = io.StringIO()

    with contextlib.suppress(SystemExit):
        call_command(
            "import_events", str(path), "--workspace=acme", "--timezone=Europe/Berlin",
            stdout=shown, stderr=shown,
        )  # fmt: skip

    event = Event.objects.get()
    assert event.subscriber.email == "g@x.io"
    assert event.occurred_at == datetime(2023, 5, 1, 10, tzinfo=UTC)
    assert event.properties == ({"seats": 7} if "seats" in text else {})


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("e.csv", b"email,event,timestamp\rg@x.io,paid,2023\r", "end lines with LF or CRLF"),
        ("e.csv", b"g@x.io,paid,2023-05-01\n", "add a line before it that names the columns"),
        ("e.csv", b"\x1f\x8b\x08", "name it .gz"),
        ("e.csv", b"event,timestamp\n", "no column is email or externalId"),
    ],
)
def test_a_file_that_is_none_is_refused_with_what_to_do(
    tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)

    with pytest.raises(CommandError) as caught:
        call_command("import_events", str(path), "--workspace=acme")

    assert words in str(caught.value)
