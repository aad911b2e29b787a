"""Callers who send slowly, too much, or nothing: raw sockets at the live web process."""

import http.client
import json
import os
import resource
import signal
import socket
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.support.running import BULK, call
from tests.support.sockets import MEBIBYTE, Web, answer_on, running

pytestmark = pytest.mark.live

# Generous: a server that waits for a body answers after BODY_SECONDS, or never.
AT_ONCE = 8.0


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    with running(tmp_path_factory.mktemp("web")) as web:
        yield web


def assert_it_answers(web: Web) -> None:
    """An event is recorded without waiting for anybody."""
    started = time.monotonic()
    assert web.record()[0] == 200
    assert time.monotonic() - started < AT_ONCE


@pytest.mark.parametrize(
    ("path", "length"),
    [(BULK, "Content-Length: 1000"), (BULK, "Transfer-Encoding: chunked"),
     ("/admin/login/", "Content-Length: 1000"), ("/u/x", "Content-Length: 1000")],
)  # fmt: skip
def test_silent_bodies_hold_nobody_up_and_end(web: Web, path: str, length: str) -> None:
    with ExitStack() as stack:
        silent = [
            stack.enter_context(web.open(web.head(length, path=path) + b"1\r\n{")) for _ in range(8)
        ]

        assert_it_answers(web)

        for connection in silent:
            assert answer_on(connection)[0] == 408
            assert connection.recv(1) == b""


def test_a_body_that_drips_is_ended_while_it_drips(web: Web) -> None:
    with web.open(web.head("Content-Length: 1000")) as dripping:
        dripping.settimeout(0.2)
        for _ in range(100):
            dripping.sendall(b" ")
            with suppress(TimeoutError):
                if dripping.recv(1, socket.MSG_PEEK):
                    break

        assert answer_on(dripping)[0] == 408


def test_a_body_that_is_only_slow_is_taken(web: Web) -> None:
    body = json.dumps({"email": "p1@example.com", "events": [{"name": "name1"}]}).encode()
    slow = body + b" " * 3 * 12_000
    with web.open(web.head(f"Content-Length: {len(slow)}")) as connection:
        for begin in range(0, len(slow), 12_000):
            connection.sendall(slow[begin : begin + 12_000])
            time.sleep(0.8)

        assert answer_on(connection)[0] == 200


@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_body_in_many_small_pieces_is_taken(web: Web, is_chunked: bool) -> None:
    body = json.dumps({"email": "p1@example.com", "events": [{"name": "name1"}]}).encode()
    length = "Transfer-Encoding: chunked" if is_chunked else f"Content-Length: {len(body)}"
    with web.open(web.head(length)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for number in range(len(body)):
            piece = body[number : number + 1]
            connection.sendall(b"1\r\n%s\r\n" % piece if is_chunked else piece)
            time.sleep(0.005)
        connection.sendall(b"0\r\n\r\n" if is_chunked else b"")

        assert answer_on(connection)[0] == 200


@pytest.mark.parametrize("is_chunked", [False, True])
@pytest.mark.parametrize("mebibytes", [6, 14])
def test_a_body_that_is_too_large_gets_an_answer_that_http_client_reads(
    web: Web, mebibytes: int, is_chunked: bool
) -> None:
    body: Any = b" " * mebibytes * MEBIBYTE
    if is_chunked:
        body = iter([b" " * MEBIBYTE] * mebibytes)

    status, answer = call(web.port, "POST", BULK, body=body, headers=web.headers)

    assert (status, answer["error"]["code"]) == (413, "PAYLOAD_TOO_LARGE")
    assert answer["requestId"]
    assert_it_answers(web)


@pytest.mark.parametrize("length", ["9" * 30, "0" * 30 + "99999999"])
def test_a_length_beyond_numbers_is_too_large(web: Web, length: str) -> None:
    with web.open(web.head(f"Content-Length: {length}")) as connection:
        # The server's parser refuses lengths that are no 64-bit number itself.
        assert answer_on(connection)[0] in {400, 413}


def test_expect_100_continue(web: Web) -> None:
    body = b'{"email": "p1@example.com", "events": [{"name": "name1"}]}'
    expects = "Expect: 100-continue"
    with web.open(web.head(f"Content-Length: {len(body)}", expects)) as fits:
        assert fits.recv(1000).startswith(b"HTTP/1.1 100 ")
        fits.sendall(body)
        assert answer_on(fits)[0] == 200

    with web.open(web.head("Content-Length: 99999999", expects)) as too_large:
        assert answer_on(too_large)[0] == 413


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("POST", "/nowhere", {}, 404),
        ("POST", "/api/v1/nothing", {}, 404),
        ("POST", BULK, {"Authorization": "Bearer cue_0123456789_" + "x" * 40}, 401),
        ("PUT", BULK, {}, 405),
        ("POST", "/admin/enter-code/", {"Content-Type": "application/x-www-form-urlencoded"}, 403),
        ("POST", BULK, {"Content-Type": "text/plain"}, 415),
    ],
)
def test_an_early_answer_keeps_the_connection(
    web: Web, method: str, path: str, headers: dict[str, str], status: int
) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", web.port, timeout=30)
    connection.connect()
    socket_before = connection.sock
    for number in range(60):
        body = b"x" * (5_000 + 750 * number)
        connection.putrequest(method, path)
        for name, value in {**web.headers, **headers, "Content-Length": str(len(body))}.items():
            connection.putheader(name, value)
        connection.endheaders()
        # Now the answer could come before the body does.
        time.sleep(0.005)
        connection.send(body)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == status

    assert connection.sock is socket_before
    connection.close()


@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_body_that_is_cut_off_is_not_recorded(web: Web, is_chunked: bool) -> None:
    event = {"name": "name1", "eventId": uuid.uuid4().hex}
    body = json.dumps({"email": "p1@example.com", "events": [event]}).encode()
    if is_chunked:
        # Whole JSON, but the chunk that says so is missing.
        sent = web.head("Transfer-Encoding: chunked") + b"%x\r\n%s\r\n" % (len(body), body)
    else:
        sent = web.head(f"Content-Length: {len(body) + 1}") + body
    web.open(sent).close()
    time.sleep(0.3)

    status, answer = web.record(**event)

    assert (status, answer["events"][0].get("duplicate", False)) == (200, False)


def test_header_names_with_underscores_are_dropped(web: Web) -> None:
    for name, is_taken in (("X-Request-Id", True), ("X_Request_Id", False)):
        connection = http.client.HTTPConnection("127.0.0.1", web.port, timeout=30)
        connection.request("GET", "/healthz", headers={name: "mine"})
        given = connection.getresponse().headers["X-Request-Id"]
        connection.close()

        assert (given == "mine") is is_taken


def test_the_largest_bodies_make_room_for_small_ones(web: Web) -> None:
    almost = 4 * MEBIBYTE
    sent = web.head(f"Content-Length: {almost + 1}") + b" " * almost
    with ExitStack() as stack:
        large = [stack.enter_context(web.open(sent)) for _ in range(3)]

        assert_it_answers(web)

        statuses = sorted(answer_on(each)[0] for each in large)
    assert statuses[-1] == 503
    assert set(statuses) <= {408, 503}


def test_slow_readers_hold_nobody_up(web: Web) -> None:
    request = web.head(method="GET", path="/static/unfold/css/styles.css")
    with ExitStack() as stack:
        for _ in range(8):
            stack.enter_context(web.open(request * 30))

        assert_it_answers(web)


def test_idle_connections_keep_nobody_out(web: Web) -> None:
    most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most[1], most[1]))
    try:
        with ExitStack() as stack:
            for number in range(1_100):
                sent = b"GET /healthz HTTP/1.1\r\nHost: 127" if number % 2 else b""
                stack.enter_context(web.open(sent))

            assert_it_answers(web)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, most)


@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_head_has_the_length_and_no_body(web: Web, method: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", web.port, timeout=30)
    connection.request(method, "/healthz")
    answer = connection.getresponse()
    content = answer.read()

    assert (answer.status, answer.headers["Content-Length"]) == (200, "15")
    assert len(content) == (15 if method == "GET" else 0)
    assert answer.headers["Date"]
    connection.close()


@pytest.mark.parametrize(
    "line",
    [
        b"GET /\xff%FF/?q=\xff HTTP/1.1",
        b"GET /%FF?q=%FF&%00 HTTP/1.1",
        b"GET /\xc3\xa9?\xc3\xa9 HTTP/1.1",
    ],
)
def test_odd_bytes_in_the_address_are_no_fault_of_ours(web: Web, line: bytes) -> None:
    with web.open(line + b"\r\nHost: 127.0.0.1\r\nX-Odd: \xff\xc3\xa9\r\n\r\n") as connection:
        assert answer_on(connection)[0] in {400, 404}


def test_it_stops_in_time_and_answers_what_is_under_way(tmp_path: Path) -> None:
    body = b'{"email": "p1@example.com", "events": [{"name": "name1"}]}'
    with running(tmp_path, BODY_SECONDS="60") as web, ExitStack() as stack:
        for sent in (b"", b"GET / HTTP/1.1\r\nHo", web.head("Content-Length: 1000") + b"{"):
            stack.enter_context(web.open(sent))
        kept = http.client.HTTPConnection("127.0.0.1", web.port, timeout=30)
        kept.request("GET", "/healthz")
        kept.getresponse().read()
        under_way = stack.enter_context(web.open(web.head(f"Content-Length: {len(body)}")))
        time.sleep(0.3)

        os.kill(web.process, signal.SIGTERM)
        asked_at = time.monotonic()
        time.sleep(1)
        under_way.sendall(body)

        assert answer_on(under_way)[0] == 200
        while Path(f"/proc/{web.process}/fd").exists() and _is_running(web.process):
            assert time.monotonic() - asked_at < 10
            time.sleep(0.1)
        kept.close()


def _is_running(process: int) -> bool:
    state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    return state != "Z"


@pytest.mark.parametrize("codec", ["base64", "rot13", "undefined", "idna", "punycode", "utf-16"])
def test_no_codec_that_a_caller_names_is_a_fault(web: Web, codec: str) -> None:
    def status(method: str, path: str, content_type: str, body: bytes = b"") -> int:
        connection = http.client.HTTPConnection("127.0.0.1", web.port, timeout=30)
        connection.request(method, path, body, {**web.headers, "Content-Type": content_type})
        found = connection.getresponse().status
        connection.close()
        return found

    part = b'--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click'

    named = f"; charset={codec}"
    assert status("GET", "/admin/login/?next=%C3%A9", "text/plain" + named) == 200
    assert status("GET", "/healthz", f"text/plain; a*={codec}''%C3%A9") == 200
    form = "application/x-www-form-urlencoded" + named
    assert status("POST", "/u/x", form, b"List-Unsubscribe=One-Click&words=%C3%A9") == 200
    multipart = "multipart/form-data; boundary=b" + named
    assert status("POST", "/u/x", multipart, part + b"\r\n--b--\r\n") == 200
    assert status("POST", BULK, "application/json" + named, b"{}") == 415
    assert status("POST", BULK + "?dryRun=%31", "application/json" + named, b"{}") == 415


@pytest.mark.skipif(sys.platform != "linux", reason="The kernel of Linux ends them.")
def test_a_reader_who_takes_nothing_is_ended(web: Web) -> None:
    # Several long answers at once: the kernel takes one from the server, and no more.
    script = "/static/drf_spectacular_sidecar/swagger-ui-dist/swagger-ui-bundle.js"
    # Connections of the first second have no limit.
    time.sleep(1.5)
    give_up_at = time.monotonic() + 30
    with socket.socket() as reader:
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        reader.connect(("127.0.0.1", web.port))
        reader.sendall(web.head(method="GET", path=script) * 8)
        ports = f":{web.port:04X} 0100007F:{reader.getsockname()[1]:04X} 01 "

        while ports in Path("/proc/net/tcp").read_text():
            assert time.monotonic() < give_up_at
            time.sleep(0.2)


@pytest.mark.parametrize("path", [BULK, "/u/x"])
@pytest.mark.parametrize(
    ("length", "body"),
    [("Transfer-Encoding: chunked", b"-5\r\nabc"), ("Transfer-Encoding: chunked", b"0x5\r\nabcde"),
     ("Transfer-Encoding: chunked", b"5\r\nabcdeXX\r\n0\r\n\r\n"), ("Content-Length: 9", b"{}")],
)  # fmt: skip
def test_a_body_that_breaks_off_is_the_callers_fault(
    web: Web, path: str, length: str, body: bytes
) -> None:
    with web.open(web.head(length, path=path) + body) as connection:
        connection.shutdown(socket.SHUT_WR)

        assert answer_on(connection)[0] == 400
