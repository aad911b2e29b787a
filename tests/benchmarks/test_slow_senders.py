"""How long an event takes while a thousand connections send a byte a second.

    uv run pytest -m benchmark tests/benchmarks/test_slow_senders.py -s

`BENCHMARK_SECONDS` (10) is the length of each part. It asserts what is promised: every event is
answered, p99 under five times that of an idle server, and memory is bounded.
"""

import http.client
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.databases import cpu_seconds
from tests.support.running import BULK, ROOT
from tests.support.sockets import MEBIBYTE, Web, running

pytestmark = [pytest.mark.benchmark, pytest.mark.live]

SECONDS = int(os.environ.get("BENCHMARK_SECONDS", "10"))
SENDERS = 1000


def test_a_thousand_slow_senders(tmp_path: Path) -> None:
    with running(tmp_path, BODY_SECONDS="10") as web:
        measure(web, seconds=2)
        idle = measure(web, seconds=SECONDS)
        command = [sys.executable, "-m", "tests.support.dripping", str(web.port), str(SENDERS)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as dripping:
            assert dripping.stdout
            assert int(dripping.stdout.readline()) == SENDERS
            cpu = cpu_seconds(web.process)
            under = measure(web, seconds=SECONDS + 5)
            cpu = cpu_seconds(web.process) - cpu
            dripping.kill()
        memory = web.memory() / MEBIBYTE
    for name, times in (("idle", idle), (f"{SENDERS} slow senders", under)):
        sys.stdout.write(
            f"\n{name}: {len(times)} events, p50 {statistics.median(times):.1f} ms,"
            f" p99 {statistics.quantiles(times, n=100)[98]:.1f} ms"
        )
    sys.stdout.write(f"\nmemory {memory:.0f} MiB, CPU {cpu / (SECONDS + 5):.0%}\n")
    p99_idle, p99 = (statistics.quantiles(times, n=100)[98] for times in (idle, under))
    assert p99 < 5 * p99_idle
    assert memory < 300


def measure(web: Web, *, seconds: float) -> list[float]:
    """Return how many milliseconds each event took, one after the other."""
    connection = http.client.HTTPConnection("127.0.0.1", web.port, timeout=30)
    body = json.dumps({"email": "p1@example.com", "events": [{"name": "name1"}]})
    times = []
    stop_at = time.monotonic() + seconds
    while time.monotonic() < stop_at:
        started = time.monotonic()
        connection.request("POST", BULK, body=body, headers=web.headers)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200
        times.append((time.monotonic() - started) * 1000)
        time.sleep(0.002)
    connection.close()
    return times
