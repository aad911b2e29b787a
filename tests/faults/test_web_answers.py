"""Pages that take files, long answers, slow readers: behind the live web's entry."""

import http.client
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.running import ROOT, call
from tests.support.sockets import Web, answer_on, running

pytestmark = pytest.mark.live

PAGES = "tests.support.entry_pages:application"
LONG = 20 * 1024 * 1024
SIGN_IN = """
import time
import django
django.setup()
from django.contrib.auth.models import Permission, User
from django.test import Client
from django_otp.plugins.otp_totp.models import TOTPDevice
for name in ("may", "may-not", "gave-no-code", "came-yesterday"):
    user = User.objects.create_user(name, is_staff=True)
    if name != "may-not":
        user.user_permissions.add(Permission.objects.get(codename="add_subscriber"))
    client = Client()
    client.force_login(user)
    if name == "gave-no-code":
        TOTPDevice.objects.create(user=user)
    if name == "came-yesterday":
        session = client.session
        session["began"] = int(time.time()) - 24 * 3600
        session.save()
    print(client.cookies["sessionid"].value)
"""
PART = b'--b\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n--b--\r\n'
FILE = PART % (b"file", b'; filename="a.csv"', b"x" * 3_000_000)
FIELD = PART % (b"a", b"", b"hello")


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    with running(tmp_path_factory.mktemp("web"), target=PAGES, BEHIND_PROXY="true") as web:
        yield web


@pytest.fixture(scope="module")
def sessions(web: Web) -> list[str]:
    """Return the sessions of one who may upload, and of three who may not."""
    done = subprocess.run(
        [sys.executable, "-c", SIGN_IN],
        cwd=ROOT,
        env={**web.environment, "DJANGO_SETTINGS_MODULE": "config.settings"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


def post(web: Web, path: str, body: bytes, session: str = "") -> tuple[int, bytes]:
    """Send a multipart body."""
    connection = http.client.HTTPConnection("127.0.0.1", web.port, timeout=30)
    headers = {"Content-Type": "multipart/form-data; boundary=b", "Cookie": f"sessionid={session}"}
    connection.request("POST", path, body=body, headers=headers)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, content


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/admin/login/", FILE, 415),
        ("/admin/login/", FIELD, 415),
        ("/test/plain", FILE, 415),
        ("/test/plain", FIELD, 415),
        ("/test/form", FILE, 415),
        ("/test/form", FIELD, 200),
        ("/u/x", FILE, 415),
        ("/c/x", FILE, 415),
        ("/nowhere", FILE, 404),
        ("/test/upload", FILE, 403),
    ],
)
def test_a_file_is_taken_by_no_page_but_those_that_say_so(
    web: Web, path: str, body: bytes, status: int
) -> None:
    assert post(web, path, body)[0] == status


@pytest.mark.parametrize(("path", "status"), [("/admin/login/", 415), ("/test/upload", 403)])
def test_a_file_is_refused_before_it_is_sent(web: Web, path: str, status: int) -> None:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5000000\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\nCookie: csrftoken=" + "a" * 32
    )
    with web.open(f"{head}\r\n\r\n".encode()) as connection:
        assert answer_on(connection)[0] == status


def test_a_page_that_takes_files_looks_at_session_second_factor_and_permission(
    web: Web, sessions: list[str]
) -> None:
    allowed, *forbidden = sessions

    assert post(web, "/test/upload", FILE, allowed) == (200, b"3000000 InMemoryUploadedFile")
    for session in (*forbidden, "x" * 32):
        assert post(web, "/test/upload", FILE, session)[0] == 403


def test_slow_readers_of_a_long_answer_hold_nobody_up(web: Web) -> None:
    head = b"GET /test/stream HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    with ExitStack() as stack:
        before = web.memory()
        for _ in range(8):
            stack.enter_context(web.open(head))
        time.sleep(0.5)

        assert call(web.port, "GET", "/healthz")[0] == 200
        status, content = answer_on(stack.enter_context(web.open(head)))
        grown = web.memory() - before

    assert (status, len(content)) == (200, LONG)
    # Nine answers of 20 MiB, none of them in memory.
    assert grown < 3 * LONG


def test_an_answer_that_fails_half_way_is_an_error_and_not_cut_off(web: Web) -> None:
    with web.open(web.head(method="GET", path="/test/breaks")) as connection:
        assert answer_on(connection)[0] == 500


@pytest.mark.parametrize("query", ["", "?memory"])
def test_files_are_sent_whole(web: Web, query: str) -> None:
    with web.open(web.head(method="GET", path="/test/file" + query)) as connection:
        status, content = answer_on(connection)

    whole = Path(ROOT, "tests/support/entry_pages.py").read_bytes()
    assert (status, content) == (200, b"0123456789abcdef" * 4096 if query else whole)


def test_work_is_finished_when_its_caller_has_gone(web: Web) -> None:
    with web.open(web.head(method="GET", path="/test/slow")):
        time.sleep(0.2)

    give_up_at = time.monotonic() + 10
    while not Path(web.environment["DATA_DIR"], "mark").exists():
        assert time.monotonic() < give_up_at
        time.sleep(0.1)


@pytest.mark.parametrize(
    ("lines", "status", "content"),
    [
        ([b"For: 203.0.113.5", b"Proto: https"], 200, b"203.0.113.5 https"),
        ([b"For: junk, 203.0.113.5"], 200, b"203.0.113.5 http"),
        ([b"For: unknown"], 200, b"127.0.0.1 http"),
        # What a caller began, and the proxy went on with, in the same line or in one of its own.
        ([b"For: \xff, 203.0.113.5"], 400, b""),
        ([b"For: \xc3\xa9, 203.0.113.5"], 400, b""),
        ([b"For: \xff", b"For: 203.0.113.5"], 200, b"203.0.113.5 http"),
        ([b"For: 1.1.1.1", b"For: \xff", b"For: 203.0.113.5"], 200, b"203.0.113.5 http"),
        ([b"For: 203.0.113.5", b"Proto: \xff, https"], 400, b""),
        ([b"Forwarded-Host: \xff"], 200, b"127.0.0.1 http"),
    ],
)
def test_no_bytes_beyond_ascii_hide_the_caller_behind_the_proxy(
    web: Web, lines: list[bytes], status: int, content: bytes
) -> None:
    sent = b"".join(b"X-Forwarded-" + line + b"\r\n" for line in lines)
    head = b"GET /test/address HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    with web.open(head + sent + b"\r\n") as connection:
        found = answer_on(connection)

    assert found[0] == status
    assert status == 400 or found[1] == content
