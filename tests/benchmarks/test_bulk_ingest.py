"""How fast many events are taken in, beside a floor and a naive way, in one interleaved run.

    uv run pytest -m benchmark tests/benchmarks/test_bulk_ingest.py -s

Needs `wrk`. `BENCHMARK_SECONDS` (3) and `BENCHMARK_ROUNDS` (5) set how long it takes: with the
defaults a quarter of an hour for each database. The private PostgreSQL runs without fsync, for
all of them alike. It measures and asserts no figure.
"""

import os
import re
import resource
import shutil
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pytest

from tests.support import pgbouncer
from tests.support.databases import cpu_seconds, empty_database, postmaster
from tests.support.running import ROOT, serving
from tests.support.working import fill

pytestmark = [pytest.mark.benchmark, pytest.mark.live]

SECONDS = int(os.environ.get("BENCHMARK_SECONDS", "3"))
ROUNDS = int(os.environ.get("BENCHMARK_ROUNDS", "5"))
COUNTS = [int(each) for each in os.environ.get("BENCHMARK_COUNTS", "1,10,100,500").split(",")]
MIXES = ["plain", "rich"]
APPLICATIONS = {
    "cueline": "config.rsgi:application",
    # The same without the express lane: the view, which defines the answer.
    "reference": "config.rsgi:application",
    "floor": "tests.benchmarks.floor:application",
    "naive": "tests.benchmarks.naive:application",
}
# At 500 events the naive way needs seconds for one request.
MOST_EVENTS_OF_NAIVE = 100
MOST_CPU_OF_WRK = 0.25
UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}


@dataclass(frozen=True)
class Measure:
    """One round of one application."""

    rate: float
    p50: float
    p99: float
    cpu_microseconds: float
    cpu_of_wrk: float


def test_bulk_ingest(tmp_path: Path) -> None:
    if shutil.which("wrk") is None:
        pytest.skip("wrk is not installed")
    for kind in ("postgresql", "sqlite"):
        if kind == "postgresql" and not os.environ.get("DATABASE_URL"):
            sys.stdout.write("\nNo PostgreSQL: only SQLite is measured.\n")
            continue
        with ExitStack() as stack:
            environment = stack.enter_context(prepared(kind, tmp_path))
            ports = {
                name: stack.enter_context(
                    serving(target, {**environment, "EXPRESS": str(name != "reference")})
                )
                for name, target in APPLICATIONS.items()
            }
            run_all(kind, environment, ports)


def test_what_pgbouncer_costs(tmp_path: Path) -> None:
    """Measure one application directly, without prepared plans, and behind PgBouncer, in turn."""
    server = os.environ.get("DATABASE_URL", "")
    if not server or shutil.which("wrk") is None or shutil.which("pgbouncer") is None:
        pytest.skip("PostgreSQL, wrk or pgbouncer is not installed")
    with ExitStack() as stack:
        direct = stack.enter_context(prepared("postgresql", tmp_path))
        name = direct["DATABASE_URL"].rpartition("/")[2]
        pooled = f"{stack.enter_context(pgbouncer.running(server))}/{name}"
        environments = {
            "direct": direct,
            "no plans": {**direct, "PGBOUNCER": "true"},
            "pgbouncer": {**direct, "PGBOUNCER": "true", "DATABASE_URL": pooled},
        }
        ports = {
            label: stack.enter_context(serving("config.rsgi:application", environment))
            for label, environment in environments.items()
        }
        for mix, count in product(MIXES, COUNTS):
            rounds = [
                {label: measure(*port, direct, count, mix) for label, port in ports.items()}
                for _ in range(ROUNDS)
            ]
            found = {label: middle([each[label] for each in rounds]) for label in ports}
            for label, each in found.items():
                share = each.rate / found["direct"].rate
                row = f"{mix:6} {count:6}  {label:11} {each.rate:11.1f} {each.p50:9.2f}"
                sys.stdout.write(f"{row} {share:7.0%}\n")
            sys.stdout.flush()


def run_all(kind: str, environment: dict[str, str], ports: dict[str, tuple[int, int]]) -> None:
    """Print the table of one database."""
    sys.stdout.write(
        f"\n{kind}: {ROUNDS} rounds of {SECONDS} s, median\n"
        "mix    events  application   requests/s     p50 ms     p99 ms  CPU us/request"
        "   rate/floor  CPU floor/own  rate/naive\n"
    )
    for mix in MIXES:
        for count in COUNTS:
            names = [n for n in ports if n != "naive" or count <= MOST_EVENTS_OF_NAIVE]
            found: dict[str, list[Measure]] = {name: [] for name in names}
            for _ in range(ROUNDS):
                for name in names:
                    found[name].append(measure(*ports[name], environment, count, mix))
            report(mix, count, {name: middle(each) for name, each in found.items()})
    for count in COUNTS:
        command = [sys.executable, "-m", "tests.benchmarks.floor", str(SECONDS), str(count)]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=True)
        sys.stdout.write(f"floor, database only, {count} events: {float(done.stdout):.0f}/s\n")


def report(mix: str, count: int, found: dict[str, Measure]) -> None:
    """Print the rows of one number of events."""
    floor, naive = found["floor"], found.get("naive")
    for name, each in found.items():
        is_void = "  VOID: wrk was short of CPU" if each.cpu_of_wrk > MOST_CPU_OF_WRK else ""
        beside_naive = f"{each.rate / naive.rate:10.1f}x" if naive else " " * 11
        sys.stdout.write(
            f"{mix:6} {count:6}  {name:11} {each.rate:12.1f} {each.p50:10.2f} {each.p99:10.2f}"
            f" {each.cpu_microseconds:15.0f} {each.rate / floor.rate:11.0%}"
            f" {floor.cpu_microseconds / each.cpu_microseconds:13.0%} {beside_naive}{is_void}\n"
        )
    sys.stdout.flush()


def middle(rounds: list[Measure]) -> Measure:
    """Return the median of each figure."""
    return Measure(
        rate=statistics.median(each.rate for each in rounds),
        p50=statistics.median(each.p50 for each in rounds),
        p99=statistics.median(each.p99 for each in rounds),
        cpu_microseconds=statistics.median(each.cpu_microseconds for each in rounds),
        cpu_of_wrk=statistics.median(each.cpu_of_wrk for each in rounds),
    )


def measure(port: int, pid: int, environment: dict[str, str], count: int, mix: str) -> Measure:
    """Drive one application for a while."""
    watched = [pid]
    if environment["DATABASE_URL"].startswith("postgresql"):
        watched.append(postmaster(environment["DATABASE_URL"]))
    command = ["wrk", "-t1", "-c8", f"-d{SECONDS}s", "--latency", "--timeout", "30s"]
    command += ["-s", str(Path(__file__).with_name("requests.lua")), f"http://127.0.0.1:{port}"]
    command += ["--", environment["BENCHMARK_KEY"], str(count), mix, uuid.uuid4().hex[:12]]
    before, own_before = sum(map(cpu_seconds, watched)), cpu_of_children()
    started = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    elapsed = time.monotonic() - started
    after, own_after = sum(map(cpu_seconds, watched)), cpu_of_children()
    said = done.stdout
    assert "Non-2xx" not in said, said
    requests = int(re.search(r"(\d+) requests in", said)[1])  # type: ignore[index]
    assert requests, said
    return Measure(
        rate=float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1]),  # type: ignore[index]
        p50=milliseconds(said, "50%"),
        p99=milliseconds(said, "99%"),
        cpu_microseconds=(after - before) / requests * 1e6,
        cpu_of_wrk=(own_after - own_before) / elapsed,
    )


def milliseconds(said: str, share: str) -> float:
    """Return a latency that wrk printed."""
    number, unit = re.search(rf"{share}\s+([\d.]+)(us|ms|s|m)", said).groups()  # type: ignore[union-attr]
    return float(number) * UNITS[unit]


def cpu_of_children() -> float:
    """Return the CPU seconds of what this process started and awaited: wrk."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


@contextmanager
def prepared(kind: str, folder: Path) -> Iterator[dict[str, str]]:
    """Make and fill a database; yields the environment of the servers."""
    with empty_database(kind, folder) as environment:
        yield {**environment, **fill(environment)}
