"""JSON that is none: the message names the place, and inside one event that event fails alone."""

import pytest

from events.models import Event
from tests.support.calling import BULK, IMPORTS, SINGLE, Caller

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("both_ways")]
DEEP = b"[" * 100_000 + b"]" * 100_000


@pytest.mark.parametrize(
    ("flaw", "words"),
    [
        (b"NaN", "holds NaN, which is not JSON (line 2, column 29)."),
        (b"[1, -Infinity]", "holds -Infinity, which is not JSON (line 2, column 33)."),
        (b"1e999", "holds a number beyond the range of a double (line 2, column 29)."),
        (b"[" * 18 + b"]" * 18, "nests deeper than 20 levels (line 2, column 46)."),
        (DEEP, "nests deeper than 20 levels (line 2, column 46)."),
        (b"undefined", "is not JSON: Expecting value (line 2, column 29)."),
    ],
)
def test_an_event_that_is_no_json_fails_alone(caller: Caller, flaw: bytes, words: str) -> None:
    body = (
        b"""{"email": "a@example.com", "events": [{"name": "NaN"},
{"name": "x", "properties": %s}, {"name": "z"}]}"""
        % flaw
    )

    reply = caller.post(BULK, body)

    assert reply.status == 207
    assert reply.json["events"][1]["error"] == {
        "code": "INVALID_JSON",
        "message": f"events[1] {words}",
    }
    stored = Event.objects.order_by("pk").values_list("definition__name", flat=True)
    assert list(stored) == ["NaN", "z"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"email": NaN,\n "events": [{"name": "x"}]}', "NaN, which is not JSON (line 1, col"),
        (b'{"email": "a@b.io",\n "events": [{"name": "x"}, NaN]}', "(line 2, column 28)"),
        (b'{"email": "a@b.io",\n "events": [{"name": "x"}}', "(line 2, column 26)"),
        (b'{"email": "a@b.io",\n "events": [{"name": "x]}', "(line 2, column 22)"),
        (b'{"email": "a@b.io",\n "events": [{"name": "\xff"}]}', "not UTF-8 (line 2, column 23)"),
        (b'{"email": "a@b.io", "events": [{"name": "x", "properties": {"a": NaN}}]}', "events[0]"),
    ],
)
def test_a_request_that_is_no_json_is_refused_with_line_and_column(
    caller: Caller, body: bytes, words: str
) -> None:
    reply = caller.post(BULK, body)

    assert (reply.status, reply.code) == (400, "INVALID_JSON")
    assert words in reply.message
    assert not Event.objects.exists()


def test_the_single_event_is_refused_whole_and_an_imported_one_alone(caller: Caller) -> None:
    single = caller.post(SINGLE, b'{"email": "a@b.io", "event": "x", "properties": {"a": NaN}}')
    imported = caller.post(
        IMPORTS,
        b'{"events": [{"email": "a@b.io", "name": "x", "eventId": "1"}, {"a": Infinity}]}',
    )

    assert (single.status, single.code) == (400, "INVALID_JSON")
    assert "(line 1, column 55)" in single.message
    assert (imported.json["recorded"], imported.json["failed"]) == (1, 1)
    assert imported.json["failures"][0]["code"] == "INVALID_JSON"
