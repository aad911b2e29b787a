"""A burst of honest sign-ups at one free-mail domain: nobody is refused, everybody is asked.

    uv run pytest -m benchmark tests/benchmarks/test_sign_ups.py -s

`SIGN_UPS` (5,000) people, each by a bulk request of one event, from `SIGN_UP_THREADS` (8) clients,
against the live web process and the default rate limit. Figures are printed, none is asserted.
"""

import http.client
import json
import os
import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest

from tests.support.databases import cpu_seconds, empty_database
from tests.support.running import BULK, serving
from tests.support.signing_up import prepare
from tests.support.working import manage

pytestmark = [pytest.mark.benchmark, pytest.mark.live]

SIGN_UPS = int(os.environ.get("SIGN_UPS", "5000"))
THREADS = int(os.environ.get("SIGN_UP_THREADS", "8"))
DEFAULT_RATE_LIMIT = "6000"
ASKED = '{"required": true, "emailQueued": true}'


@dataclass
class Burst:
    """What all clients were answered, and how long each answer took."""

    key: str
    port: int
    numbers: Iterator[int] = field(default_factory=count)
    answers: Counter[tuple[int, str]] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def send_all(self) -> None:
        """Sign people up by one connection until all are."""
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        while True:
            with self._lock:
                number = next(self.numbers)
            if number >= SIGN_UPS:
                break
            body = {"email": f"person{number}@gmail.com", "events": [{"name": "signup"}]}
            began = time.monotonic()
            client.request("POST", BULK, body=json.dumps(body), headers=headers)
            answer = client.getresponse()
            said = json.loads(answer.read())
            took = time.monotonic() - began
            with self._lock:
                self.answers[answer.status, json.dumps(said.get("optIn"))] += 1
                self.seconds.append(took)
        client.close()


@pytest.mark.parametrize("kind", ["postgresql", "sqlite"])
def test_nobody_is_refused(kind: str, tmp_path: Path) -> None:
    if kind == "postgresql" and not os.environ.get("DATABASE_URL"):
        pytest.skip("No PostgreSQL: only SQLite is measured.")
    with empty_database(kind, tmp_path) as environment:
        environment |= {"RATE_LIMIT": DEFAULT_RATE_LIMIT}
        environment.pop("DJANGO_SETTINGS_MODULE", None)
        assert manage(environment, "migrate", "--verbosity", "0").returncode == 0
        key = prepare(environment)
        with serving("config.rsgi:application", environment) as (port, pid):
            burst = Burst(key, port)
            clients = [threading.Thread(target=burst.send_all) for _ in range(THREADS)]
            began, cpu_before = time.monotonic(), cpu_seconds(pid)
            for client in clients:
                client.start()
            for client in clients:
                client.join()
            elapsed, cpu = time.monotonic() - began, cpu_seconds(pid) - cpu_before
        cuts = statistics.quantiles(burst.seconds, n=100)
        sys.stdout.write(
            f"\n{kind}: {SIGN_UPS} sign-ups in {elapsed:.1f} s, {SIGN_UPS / elapsed:.0f}/s, p50"
            f" {cuts[49] * 1e3:.1f} ms, p99 {cuts[98] * 1e3:.1f} ms, CPU of the web"
            f" {cpu / SIGN_UPS * 1e3:.2f} ms each\n"
        )
        assert burst.answers == {(200, ASKED): SIGN_UPS}
