"""Whatever is done to a call, the answer is the contract's: its error, in JSON, never a 5xx.

`HOSTILE_SHARE` (0.05) sets how much of it is tried; 1 is all of it, some 20,000 requests.
"""

import base64
import json
import os
import random
from collections.abc import Iterator
from typing import Any

import pytest

from subscribers.api.errors import STATUS_BY_CODE
from tests.support.calling import Caller, Reply
from tests.support.every_call import JSON, KnownCall, World, every_call

pytestmark = pytest.mark.django_db
SHARE = float(os.environ.get("HOSTILE_SHARE", "0.05"))
ODD_PARTS = [
    "%2F", "%2f..%2f", "%00", "a%00b", "%FF", "%C0%AF", "%ED%A0%80", "%F0%9F%92%A9", "%20", "%0A",
    "%0D%0AX-Evil:1", "%25", "%2525", "%E2%80%AE", "..", ".", "'", "%22", ";", "a;b=c", "*", "-1",
    "0", "null", "%7B%7D", "tag_", "tag_" + "f" * 32, "tag_" + "F" * 32, "lst_" + "0" * 31 + "g",
    "key_" + "0" * 32, "seq_" + "f" * 32, "sub_" + "0" * 64, "a" * 3000, "@", "a@", "@b.c",
    "a@b@c.de", "a@b%00.de", "%C3%BC@b%C3%BC.de", "a@xn--.de", "a%40example.com", "A@EXAMPLE.COM",
    "a@" + "b" * 300 + ".de", "+@example.com", "%E4%B8%80@example.com",
]  # fmt: skip
ODD_WORDS = [
    "", "%20", "0", "-1", "1.5", "1e3", "%2B1", "%D9%A3", "9" * 400, "%00", "a%00b", "%FF",
    "%ED%A0%80", "NaN", "null", "[]", "%7B%22a%22:1%7D", "true", "TRUE", "a" * 3000, "%25", "'",
    "%5C", "_%25", "a:b", ":", "a:", ":b", "a:%00", "%E2%80%AE", "0001-01-01", "9999-12-31",
    "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00%2B23:59", "2026-02-30", "2026-01-01T00:00:00",
    "sub_" + "f" * 32, "lst_" + "f" * 32, "AAAA", "====", "-_-_",
    # Cursors of other lists, and of times that no calendar has.
    *(base64.urlsafe_b64encode(each).decode().rstrip("=" * cut) for cut in (0, 2) for each in (
        b"\xff" * 16, b"\xff" * 24, b"\x7f" + b"\xff" * 23, b"\x80" + b"\0" * 23,
        b"\0" * 8, b"\0" * 25,
    )),
]  # fmt: skip
DEEP: Any = 1
for _ in range(18):
    DEEP = [DEEP]
ODD_VALUES: list[Any] = [
    None, True, False, 0, -1, 2.5, 10**400, -(10**309), 1e308, 5e-324, 2**63, "", " ", "a", "\x00",
    "\ud800", "\udc00\ud800", "\u202e", "\ufeff", "\U0010ffff", "x" * 300, "x" * 70_000, [], {},
    [1], [None], [[]], ["a"] * 1000, [{"a": 1}], {"a": None}, {"": 1}, {"\x00": 1}, {"\ud800": 1},
    DEEP, "2026-01-01", "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "a@localhost",
    "ada@example.com", "constructor", "__proto__", "{{ 1 }}", "<script>", "tag_" + "f" * 32,
    "sub_" + "f" * 32, {"$ne": 1}, "ß" * 255, "İ@example.com",
]  # fmt: skip
ODD_BODIES = [
    b"", b" ", b"null", b"true", b"0", b'"a"', b"[]", b"[{}]", b"{}", b"{", b'{"a"', b"NaN",
    b'{"a": NaN}', b'{"a": -Infinity}', b'{"a": 1e999}', b'{"a": 1' + b"0" * 5000 + b"}",
    b'\xef\xbb\xbf{}', b"\xff\xfe{\x00}\x00", b'{"a": "\xff"}', b'{"a": "\\ud800"}', b"{}{}",
    b'{"a": 1, "a": 2}', b'{"email": "a@example.com", "email": "b@example.com"}',
    b'{"email": "a@example.com", "email": null}', b"[" * 50_000, b'{"a":' * 50_000,
    b'{"__proto__": {}}', b'{"\\u0000": 1}', b'{"": 1}', b"a=1&b=2", b"--x\r\n\r\n--x--",
    b"<a/>", b"\x1f\x8b\x08\x00", b"\x00" * 100, b'{"a": "' + b"\\u0000" * 1000 + b'"}',
]  # fmt: skip
ODD_HEADERS: list[tuple[str, str]] = [
    *(("Content-Type", each) for each in (
        "", "text/plain", "application/xml", "application/x-www-form-urlencoded",
        "multipart/form-data", "multipart/form-data; boundary=x", "application/vnd.api+json",
        "application/json; charset=utf-16", "application/json; charset=", "application/json;;;=",
        "APPLICATION/JSON", "a" * 3000, "\xe9", "application/json, text/html",
    )),
    *(("If-Match", each) for each in (
        "", "*", "**", '""', '"', 'W/"0"', '"0", "1"', "*, *", "a" * 3000, "\xe9", "\x7f",
    )),
    *(("Idempotency-Key", each) for each in (
        "", " ", "a", "a" * 255, "a" * 256, "\xe9", "\x7f", "\t", "a b", '"', "%00", "\xff" * 255,
    )),
    *(("Authorization", each) for each in (
        "", "Bearer", "Bearer ", "Basic YTpi", "Bearer \xe9", "Bearer a b", "Bearer cue_",
        "Token x", "Bearer " + "c" * 3000, "Bearer cue_0000000000_" + "\xff" * 40, "Bearer cue__",
        "Bearer _",
    )),
    *(("X-Request-Id", each) for each in ("", "a" * 65, "a b", "\xe9", "<b>", "\t", "a" * 3000)),
    *(("Accept", each) for each in ("", "text/html", "image/png", "*", "a/b;q=x", "\xe9")),
    *(("Content-Length", each) for each in ("", "-1", "0", "1", "9" * 30)),
    ("Content-Encoding", "gzip"), ("X-HTTP-Method-Override", "DELETE"), ("Host", "evil.example"),
    ("Host", "\xe9"), ("Range", "bytes=0-1"), ("Expect", "100-continue"), ("Cookie", "sessionid=x"),
    ("X-Forwarded-For", "\xe9"), ("X-Forwarded-Proto", "\xe9"), ("Transfer-Encoding", "chunked"),
    ("If-None-Match", "*"), ("If-Modified-Since", "x"), ("Origin", "https://evil.example"),
]  # fmt: skip
LONGEST_MESSAGE = 2000
CALLS = [pytest.param(each, id=each.name) for each in every_call()]


@pytest.fixture
def world(caller: Caller) -> World:
    return World(caller)


Attempt = tuple[str, str, bytes, dict[str, str]]


@pytest.mark.parametrize("known", CALLS)
def test_no_attempt_gets_anything_but_an_answer_of_the_contract(
    world: World, known: KnownCall
) -> None:
    chosen = random.Random(known.name)  # noqa: S311 - repeatable, not secret

    found = [
        fault
        for method, path, body, headers in attempts(world, known)
        if chosen.random() < SHARE
        for fault in faults(
            world.caller.send(method, path, body, headers=headers),
            f"{method} {path:.200} {body[:200]!r} {headers}",
        )
    ]

    assert found == []


def faults(reply: Reply, said: str) -> Iterator[str]:
    told = f"{said}: {reply.status} {reply.json}"
    if reply.headers["Content-Type"] != "application/json; charset=utf-8":
        yield f"{told}: {reply.headers['Content-Type']}"
    if reply.status < 400:
        if not isinstance(reply.json["success"], bool):
            yield told
        return
    error = reply.json["error"]
    is_right = STATUS_BY_CODE[error["code"]] == reply.status < 500
    if not is_right or reply.json["success"] is not False or not error["message"]:
        yield told
    if len(error["message"]) > LONGEST_MESSAGE:
        yield f"{said}: a message of {len(error['message'])} characters"


def attempts(world: World, known: KnownCall) -> Iterator[Attempt]:
    example = known.example
    body = b"" if example is None else json.dumps(example).encode()
    headers = JSON if body else {}
    whole = world.path(known)
    for path in (*odd_paths(world, known), *odd_queries(whole, known)):
        yield known.method, path, body, headers
    if known.method != "GET":
        for odd in ODD_BODIES:
            yield known.method, whole, odd, JSON
    for name in example or {}:
        for value in ODD_VALUES:
            yield known.method, whole, json.dumps({**example, name: value}).encode(), JSON
    for name, text in ODD_HEADERS:
        yield known.method, whole, body, {**headers, name: text}
    for method in ("HEAD", "OPTIONS", "TRACE", "CONNECT", "PURGE", "get", "PROPFIND", "QUERY"):
        yield method, whole, body, headers


def odd_paths(world: World, known: KnownCall) -> Iterator[str]:
    for name in world.parts:
        if "{" + name + "}" in known.route:
            for part in ODD_PARTS:
                path = known.route.replace("{" + name + "}", part)
                for other, value in world.parts.items():
                    path = path.replace("{" + other + "}", value)
                yield path


def odd_queries(whole: str, known: KnownCall) -> Iterator[str]:
    path, _, query = whole.partition("?")
    own = [each.wire_name for each in known.call.query.fields] if known.call.query else []
    for name in (*own, *known.view.addressing):
        others = [each for each in query.split("&") if each and not each.startswith(f"{name}=")]
        for odd in (*(f"{name}={word}" for word in ODD_WORDS), f"{name}=1&{name}=2", f"{name}[]=1"):
            yield f"{path}?{'&'.join([*others, odd])}"
    for odd in ("&&", "=", "%00=1", "%FF=%FF", "a" * 3000, "=&=", "a=1&" * 300, "?", "#"):
        yield f"{whole}{'&' if query else '?'}{odd}"
