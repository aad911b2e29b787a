"""A file with every fault of a row: each is reported with its line, all others are imported."""

import csv
import io
from datetime import UTC, datetime
from pathlib import Path

import pytest
import time_machine

from events.models import Event, EventDefinition
from subscribers.models import ImportReject, Subscriber
from subscribers.services.workspaces import workspaces
from tests.support.importing_files import import_events

pytestmark = pytest.mark.django_db

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
COLUMNS = ["email", "externalId", "name", "eventId", "occurredAt", "properties"]
GOOD = {"email": "ada@example.com", "name": "paid", "occurredAt": "2026-01-01T00:00:00Z"}
# What is wrong, and the field that is named for it: none where the identity as a whole is.
FAULTS: list[tuple[dict[str, str], str]] = [
    ({"email": "ada@"}, "email"),
    ({"email": ""}, "email"),
    ({"email": "", "externalId": "nobody"}, ""),
    ({"externalId": "x" * 256}, "externalId"),
    ({"name": ""}, "name"),
    ({"name": "x" * 201}, "name"),
    ({"name": "a\x07b"}, "name"),
    ({"eventId": "x" * 256}, "eventId"),
    ({"occurredAt": "2026"}, "occurredAt"),
    ({"occurredAt": "2026-02-30T00:00:00Z"}, "occurredAt"),
    ({"occurredAt": "2026-06-01T12:05:01Z"}, "occurredAt"),
    ({"properties": "[1]"}, "properties"),
    ({"properties": "{"}, "properties"),
    ({"properties": '{"a":"' + "x" * 65_536 + '"}'}, "properties"),
    ({"properties": '{"a":1e999}'}, "properties"),
    ({"properties": '{"a":' + "[" * 25 + "]" * 25 + "}"}, "properties"),
]
RAW = [
    b"ada@example.com,,pa\0id,,2026-01-01T00:00:00Z,",
    b"ada@example.com,,pa\xffid,,2026-01-01T00:00:00Z,",
    b"ada@example.com,,paid,,2026-01-01T00:00:00Z,,too,many",
    b"ada@example.com,,paid",
    b"ada@example.com,," + b"x" * 2**20 + b",,2026-01-01T00:00:00Z,",
]


def line_of(row: dict[str, str]) -> bytes:
    text = io.StringIO()
    csv.DictWriter(text, COLUMNS, lineterminator="").writerow({**GOOD, **row})
    return text.getvalue().encode()


@time_machine.travel(NOON, tick=False)
def test_every_bad_row_is_named_by_its_line_and_comes_in_once_mended(tmp_path: Path) -> None:
    workspaces.create(name="Acme", slug="acme")
    lines = [line_of(row) for row, _ in FAULTS] + RAW
    good = [line_of({"email": f"p{number}@example.com"}) for number in range(len(lines) + 1)]
    # Good rows before, between and after the bad ones.
    body = [good[0], *(each for pair in zip(lines, good[1:], strict=True) for each in pair)]
    file, rejects = tmp_path / "events.csv", tmp_path / "bad.csv"
    file.write_bytes(b"\xef\xbb\xbf" + b"\n".join([",".join(COLUMNS).encode(), *body]) + b"\n")

    code, said = import_events(file, "--rejects", str(rejects), "--encoding=utf-8")

    assert code == 3
    assert (said["recorded"], said["rejected"]) == (len(good), len(lines))
    assert sum(said["reasons"].values()) == len(lines)
    # The header is line 1, and the first row is good.
    assert list(ImportReject.objects.order_by("id").values_list("line", flat=True)) == [
        3 + 2 * number for number in range(len(lines))
    ]
    named = list(ImportReject.objects.order_by("id").values_list("field", flat=True))
    assert named[: len(FAULTS)] == [field for _, field in FAULTS]
    assert EventDefinition.objects.count() == 1
    assert Subscriber.objects.count() == len(good)

    with rejects.open(newline="", encoding="utf-8", errors="surrogateescape") as opened:
        refused = list(csv.DictReader(opened))
    mended = tmp_path / "mended.csv"
    mended.write_bytes(
        b"\n".join([",".join(COLUMNS).encode(), *(line_of({}) for _ in refused)]) + b"\n"
    )
    code, said = import_events(mended)

    assert (code, said["recorded"]) == (0, len(refused))
    assert Event.objects.count() == len(good) + len(refused)
