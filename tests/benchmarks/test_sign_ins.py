"""Twelve connections try to sign in with ever new names while an application reports events.

    uv run pytest -m benchmark tests/benchmarks/test_sign_ins.py -s

Each half lasts `SIGN_IN_SECONDS` (10): first the application alone, then with the flood, which is a
process of its own. Figures are printed, none is asserted.
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

from tests.support.databases import empty_database
from tests.support.running import BULK, ROOT, serving
from tests.support.signing_up import prepare
from tests.support.working import manage

pytestmark = [pytest.mark.benchmark, pytest.mark.live]

SECONDS = float(os.environ.get("SIGN_IN_SECONDS", "10"))
PAUSE = 0.01


def send_events(port: int, key: str) -> list[float]:
    """Report one event after another by one connection; returns the times, in milliseconds."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    body = json.dumps({"email": "ada@example.com", "events": [{"name": "order"}]})
    took: list[float] = []
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        began = time.perf_counter()
        client.request("POST", BULK, body=body, headers=headers)
        answer = client.getresponse()
        answer.read()
        took.append((time.perf_counter() - began) * 1000)
        assert answer.status == 200
        time.sleep(PAUSE)
    client.close()
    return took


def show(name: str, took: list[float]) -> None:
    """Print the figures of one half."""
    cuts = statistics.quantiles(took, n=100)
    figures = f"p50 {cuts[49]:8.1f} ms   p99 {cuts[98]:8.1f} ms   longest {max(took):8.1f} ms"
    sys.stdout.write(f"\n  {name:<12} {len(took):5} events   {figures}")


@pytest.mark.parametrize("kind", ["postgresql", "sqlite"])
def test_events_while_strangers_sign_in(kind: str, tmp_path: Path) -> None:
    if kind == "postgresql" and not os.environ.get("DATABASE_URL"):
        pytest.skip("No PostgreSQL: only SQLite is measured.")
    with empty_database(kind, tmp_path) as environment:
        environment.pop("DJANGO_SETTINGS_MODULE", None)
        assert manage(environment, "migrate", "--verbosity", "0").returncode == 0
        key = prepare(environment)
        with serving("config.rsgi:application", environment) as (port, _):
            send_events(port, key)
            idle = send_events(port, key)
            flood = subprocess.Popen(
                [sys.executable, "-m", "tests.support.sign_in_flood", str(port), str(SECONDS)],
                cwd=ROOT,
                stdout=subprocess.PIPE,
            )
            busy = send_events(port, key)
            statuses, _ = flood.communicate(timeout=90)
        sys.stdout.write(f"\n{kind}")
        show("idle", idle)
        show("flood", busy)
        sys.stdout.write(f"\n  sign-ins by status: {statuses.decode()}\n")
