"""A live web process for tests that speak to it through sockets."""

import http.client
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config import web_server
from tests.support.databases import empty_database
from tests.support.running import BULK, call, serving
from tests.support.working import fill

MEBIBYTE = 1024 * 1024
QUICK = {"BODY_SECONDS": "2", "MAX_BODIES_BYTES": str(8 * MEBIBYTE)}


@dataclass
class Web:
    """A web process with a key."""

    port: int
    process: int
    key: str
    environment: dict[str, str]

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}

    def head(self, *lines: str, method: str = "POST", path: str = BULK) -> bytes:
        """Return the head of a request as bytes."""
        own = [f"{name}: {value}" for name, value in self.headers.items()]
        return "\r\n".join(
            [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", *own, *lines, "", ""]
        ).encode()

    def open(self, sent: bytes) -> socket.socket:
        """Connect and send."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=15)
        connection.sendall(sent)
        return connection

    def memory(self) -> int:
        """Return the bytes that the server's processes have in memory."""
        children = Path(f"/proc/{self.process}/task/{self.process}/children").read_text().split()
        pages = sum(int(Path(f"/proc/{each}/statm").read_text().split()[1]) for each in children)
        return pages * os.sysconf("SC_PAGE_SIZE")

    def record(self, **event: str) -> tuple[int, Any]:
        """Report one event by a connection of its own."""
        body = json.dumps({"email": "p1@example.com", "events": [{"name": "name1", **event}]})
        return call(self.port, "POST", BULK, body=body, headers=self.headers)


@contextmanager
def running(folder: Path, *, target: str = web_server.TARGET, **more: str) -> Iterator[Web]:
    """Serve an empty database with a key; bodies end soon."""
    kind = "postgresql" if os.environ.get("DATABASE_URL") else "sqlite"
    with empty_database(kind, folder) as empty:
        key = fill(empty)["BENCHMARK_KEY"]
        environment = empty | QUICK | more
        with serving(target, environment) as (port, process):
            yield Web(port, process, key, environment)


def answer_on(connection: socket.socket) -> tuple[int, bytes]:
    """Return status and body of the next answer."""
    answer = http.client.HTTPResponse(connection)
    answer.begin()
    return answer.status, answer.read()
