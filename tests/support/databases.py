"""Databases for benchmarks, and the CPU that processes take."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

TICKS = os.sysconf("SC_CLK_TCK")


@contextmanager
def empty_database(kind: str, folder: Path) -> Iterator[dict[str, str]]:
    """Make an empty database, `postgresql` or `sqlite`; yields the environment of processes."""
    home = folder / f"{kind}-{uuid.uuid4().hex[:8]}"
    home.mkdir()
    environment = {
        **os.environ,
        "DATA_DIR": str(home),
        "RATE_LIMIT": "10000000",
        "LOG_LEVEL": "warning",
        "DATABASE_URL": f"sqlite:///{home / 'benchmark.sqlite3'}",
    }
    server, name = os.environ.get("DATABASE_URL", ""), f"benchmark_{uuid.uuid4().hex}"
    if kind == "postgresql":
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        environment["DATABASE_URL"] = server.rpartition("/")[0] + "/" + name
    yield environment
    if kind == "postgresql":
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def cpu_seconds(pid: int) -> float:
    """Return the CPU seconds of a process, its ended children, and all below it."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (FileNotFoundError, ProcessLookupError):
        # Ended meanwhile: its parent counts it among its ended children.
        return 0.0
    own = sum(int(ticks) for ticks in fields[11:15]) / TICKS
    return own + sum(cpu_seconds(int(child)) for child in children)


def postmaster(url: str) -> int:
    """Return the server process, whose children serve the connections."""
    with psycopg.connect(url, autocommit=True) as connection:
        pid = connection.info.backend_pid
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
