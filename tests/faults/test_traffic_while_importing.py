"""Applications send events while a file comes in: none of them fails, and nothing deadlocks.

Real processes on PostgreSQL; the file is about the same people. `TRAFFIC_ROWS` (20,000) rows; with
a million it is the test of the releases, which looks at the printed p99:

    TRAFFIC_ROWS=1000000 uv run pytest tests/faults/test_traffic_while_importing.py -s
"""

import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.support.running import ROOT, Application, serving
from tests.support.working import fill

pytestmark = [pytest.mark.live, pytest.mark.postgresql]

ROWS = int(os.environ.get("TRAFFIC_ROWS", "20000"))
IDLE_SECONDS = float(os.environ.get("TRAFFIC_IDLE_SECONDS", "3"))
SECONDS = 120 + ROWS // 500
# Who `prepare` makes.
PEOPLE = 2000
CALLERS = 2
# Each caller's requests a second; more would measure the callers.
PER_SECOND = 25
DEADLOCKS = "SELECT sum(deadlocks) FROM pg_stat_database WHERE datname = current_database()"
DOUBLES = """
SELECT count(*) FROM (SELECT 1 FROM events_event WHERE event_id IS NOT NULL
    GROUP BY subscriber_id, definition_id, event_id HAVING count(*) > 1) AS doubles
"""


class Traffic:
    """Some applications' requests, and how long each took."""

    def __init__(self, port: int, key: str) -> None:
        self.application = Application(port, key)
        self.seconds: list[float] = []
        self.statuses: list[int] = []
        self._is_over = threading.Event()

    @contextmanager
    def flowing(self) -> Iterator[None]:
        """Send while the block goes on."""
        threads = [threading.Thread(target=self._send, args=(each,)) for each in range(CALLERS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._is_over.set()
            for thread in threads:
                thread.join()

    def _send(self, number: int) -> None:
        sent = number
        while not self._is_over.wait(1 / PER_SECOND):
            sent += CALLERS
            # A rule, a name without one, a name and a person that nobody knew.
            name = ("buy", "name3", f"new{sent}")[sent % 3]
            email = (
                f"fresh{sent}@example.com" if sent % 10 == 0 else f"p{sent % PEOPLE}@example.com"
            )
            began = time.perf_counter()
            status = self.application.send(email, [{"name": name, "eventId": f"live-{sent}"}])
            self.seconds.append(time.perf_counter() - began)
            self.statuses.append(status)

    @property
    def p99(self) -> float:
        """In milliseconds."""
        return statistics.quantiles(self.seconds, n=100)[98] * 1000


def test_requests_go_on_while_a_file_comes_in(environment: dict[str, str], tmp_path: Path) -> None:
    environment |= {"RATE_LIMIT": "0", "LOG_LEVEL": "warning"}
    known = fill(environment)
    path = write_file(tmp_path / "events.jsonl")
    with serving("config.rsgi:application", environment | known) as (port, _):
        idle = Traffic(port, known["BENCHMARK_KEY"])
        with idle.flowing():
            time.sleep(IDLE_SECONDS)
        busy = Traffic(port, known["BENCHMARK_KEY"])
        with busy.flowing():
            done = subprocess.run(
                [
                    sys.executable, "manage.py", "import_events", str(path),
                    "--workspace=benchmark", "--json", "--quiet",
                ],
                cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
                timeout=SECONDS,
            )  # fmt: skip

    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    assert said["recorded"] == said["rows"] == ROWS
    assert set(idle.statuses) | set(busy.statuses) == {200}
    with psycopg.connect(environment["DATABASE_URL"]) as connection:
        assert connection.execute(DEADLOCKS).fetchone() == (0,)
        assert connection.execute(DOUBLES).fetchone() == (0,)
    sys.stdout.write(
        f"\n{ROWS} rows in {said['seconds']} s; {len(busy.seconds)} requests meanwhile: p99"
        f" {idle.p99:.1f} ms idle, {busy.p99:.1f} ms busy, {busy.p99 / idle.p99:.1f} times\n"
    )


def write_file(path: Path) -> Path:
    """Write rows about the people who send events, and new ones, with names that are new."""
    with path.open("w") as file:
        for number in range(ROWS):
            email = f"p{number * 7 % (2 * PEOPLE)}@example.com"
            day = f"2026-0{1 + number % 9}-{1 + number % 28:02}"
            row = {
                "email": email,
                "name": f"name{number % 13}",
                "eventId": f"e{number}",
                "occurredAt": f"{day}T10:00:00Z",
                "firstName": "Ada",
                "properties": {"number": number},
            }
            file.write(json.dumps(row) + "\n")
    return path
