"""PostgreSQL ends every connection of a web that stands idle."""

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from tests.support.running import Start

pytestmark = [pytest.mark.live, pytest.mark.postgresql]


def backends_of(url: str, *, end: bool = False) -> int:
    """Count the connections of others to a database; ends them where that is asked for."""
    what = "pg_terminate_backend(pid)" if end else "pid"
    with psycopg.connect(url, autocommit=True) as connection:
        rows = connection.execute(
            f"SELECT {what} FROM pg_stat_activity"  # noqa: S608 - one of two words above
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchall()
    return len(rows)


def test_connections_that_died_idle_cost_no_request(
    start: Start, environment: dict[str, str]
) -> None:
    running = start()
    running.wait_until_it_runs()
    path, headers, body = running.printed_call()

    def send(_: int) -> int:
        return running.send("POST", path, body=body, headers=headers)[0]

    with ThreadPoolExecutor(8) as together:
        assert set(together.map(send, range(40))) == {200}
        ended = backends_of(environment["DATABASE_URL"], end=True)
        statuses = list(together.map(send, range(50)))

    assert ended >= 2
    assert statuses == [200] * 50
    # The web has four threads and as many connections at most; the rest are the worker's.
    assert backends_of(environment["DATABASE_URL"]) <= 4 + 8
