"""The API is called as its OpenAPI document says and as it does not, by a tool that knows no more.

`FUZZ_SECONDS` (5) sets for how long, `FUZZ_SEED` with which draws:
`FUZZ_SECONDS=120 uv run --all-groups pytest tests/faults/test_fuzzed_api.py -s`.
"""

import contextlib
import json
import os
import socket
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from django.db import connection

from subscribers import ids
from subscribers.models import ApiKey
from subscribers.services.workspaces import workspaces
from tests.conftest import new_caller
from tests.support.every_call import World
from tests.support.running import ROOT, serving

pytest.importorskip("schemathesis", reason="the dependency group `checks` is not installed")
pytestmark = [pytest.mark.live, pytest.mark.django_db(transaction=True)]
SECONDS = int(os.environ.get("FUZZ_SECONDS", "5"))
SEED = os.environ.get("FUZZ_SEED", "1")
CHECKS = [
    "not_a_server_error", "status_code_conformance", "content_type_conformance",
    "response_headers_conformance", "response_schema_conformance",
]  # fmt: skip

TARGETS = [
    b"subscribers/%00", b"subscribers/%FF", b"subscribers/\xff", b"subscribers/%ED%A0%80",
    b"subscribers/%zz", b"subscribers/%", b"subscribers/external/a%2Fb%2F",
    b"subscribers/external/%F0%9F%92%A9", b"subscribers?email=%FF&query=%00",
    b"subscribers?query=\xff", b"subscribers?query=%ED%A0%80", b"/tags", b"./tags", b"../v1/tags",
    b"tags#a", b"tags/" + b"a" * 60_000, b"tags\t", b"tags HTTP/1.1 ",
]  # fmt: skip
HEADS = [
    b"Content-Length: a", b"Content-Length: -1", b"Content-Length: 2\r\nContent-Length: 3",
    b"Content-Length: 2\r\nTransfer-Encoding: chunked", b"Transfer-Encoding: chunked\r\n\r\nzz",
    b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n", b"X-A: " + b"a" * 60_000, b"X-A: a\r\n" * 200,
    b"If-Match: \xff", b"Idempotency-Key: \xff", b"Idempotency-Key: a\r\nIdempotency-Key: b",
    b"Authorization: Bearer x", b"Host: b", b": a", b"A", b"A b: c", b" folded",
]  # fmt: skip
LINES = [
    *(b"GET /api/v1/%b HTTP/1.1" % each for each in TARGETS),
    *(b"POST /api/v1/tags HTTP/1.1\r\n%b" % each for each in HEADS),
    *(b"%b /api/v1/tags HTTP/1.1" % each for each in (b"TRACE", b"CONNECT", b"HEAD", b"\xff")),
    b"GET http://evil.example/api/v1/tags HTTP/1.1", b"GET /api/v1/tags HTTP/1.0",
    b"GET /api/v1/tags HTTP/9.9", b"GET /api/v1/tags", b"\x16\x03\x01\x02\x00", b"PRI * HTTP/2.0",
]  # fmt: skip


def test_every_answer_is_one_that_the_document_names(tmp_path: Path) -> None:
    caller = new_caller(workspaces.create(name="Acme"))
    own = ApiKey.objects.get()
    World(caller)
    known = {
        "FUZZ_COUNTS": str(tmp_path / "counts"),
        "FUZZ_OWN_KEY": ids.encode("key", own.pk),
        "FUZZ_SEED": SEED,
        "PYTHONPATH": str(ROOT),
        "SCHEMATHESIS_HOOKS": "tests.support.fuzzing_hooks",
    }
    options = {
        "--checks": ",".join(CHECKS),
        "--header": f"Authorization: Bearer {caller.key}",
        "--max-time": str(SECONDS),
        # A busy machine may take its time.
        "--request-timeout": "60",
        "--seed": SEED,
        "--suppress-health-check": "all",
        "--generation-database": "none",
        # Threads draw with the interpreter's parser, which some versions of Python crash in.
        "--workers": "1",
    }

    with serving("config.rsgi:application", environment()) as (port, _):
        at = f"http://127.0.0.1:{port}"
        fuzzer = [sys.executable, "-c", "from schemathesis.cli import schemathesis as s; s()"]
        fuzzer += ["run", f"{at}/api/v1/openapi.json", "--url", at]
        fuzzer += ["--continue-on-failure", "--no-shrink", "--no-color"]
        fuzzer += [word for option in options.items() for word in option]
        done = subprocess.run(
            fuzzer,
            check=False,
            cwd=tmp_path,
            env=os.environ | known,
            capture_output=True,
            text=True,
        )

    assert done.returncode == 0, done.stdout + done.stderr
    counts = json.loads((tmp_path / "counts").read_text())
    statuses: Counter[str] = sum(map(Counter, counts.values()), Counter())
    never = sorted(name for name, of_call in counts.items() if "200" not in of_call)
    sys.stdout.write(f"{statuses.total()} calls of {len(counts)}: {dict(statuses)}\n")
    sys.stdout.write(f"never 200: {', '.join(never)}\n")
    # Without the key none would be, whatever the tool says.
    assert statuses["200"]


def test_bytes_that_no_client_sends_get_an_answer() -> None:
    key = new_caller(workspaces.create(name="Acme")).key
    rest = f"Host: 127.0.0.1\r\nAuthorization: Bearer {key}\r\nConnection: close\r\n\r\n".encode()

    with serving("config.rsgi:application", environment() | {"BODY_SECONDS": "1"}) as (port, _):
        answers = {line: answer_to(port, line + b"\r\n" + rest) for line in LINES}

    for line, answer in answers.items():
        head, _sep, content = answer.partition(b"\r\n\r\n")
        assert not head.startswith((b"HTTP/1.1 5", b"HTTP/1.0 5")), (line, answer)
        # What is no HTTP is refused before the product, without a body.
        assert not content or b"\r\ncontent-type: application/json" in head.lower(), (line, answer)


def answer_to(port: int, sent: bytes) -> bytes:
    """Send bytes, and return all that comes until the server closes the connection."""
    received = b""
    # A server that has refused the beginning does not read the rest.
    with (
        contextlib.suppress(OSError),
        socket.create_connection(("127.0.0.1", port), timeout=30) as connection,
    ):
        connection.sendall(sent)
        while part := connection.recv(65536):
            received += part
    return received


def environment() -> dict[str, str]:
    """Return the environment of a web process on the test's own database, without rate limits."""
    name = connection.settings_dict["NAME"]
    database = os.environ.get("DATABASE_URL", "").rpartition("/")[0]
    url = f"sqlite:///{name}" if connection.vendor == "sqlite" else f"{database}/{name}"
    unlimited = {"RATE_LIMIT": "0", "READ_RATE_LIMIT": "0"}
    return {**os.environ, "DATABASE_URL": url, "LOG_LEVEL": "warning", **unlimited}
