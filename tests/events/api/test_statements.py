"""How many statements a plain request takes, as the server of the database counts them."""

import re
import time
import uuid
from pathlib import Path

import psycopg
import pytest

from tests.support.running import Application, serving
from tests.support.working import fill

pytestmark = [pytest.mark.live, pytest.mark.postgresql, pytest.mark.xdist_group("commands")]

REQUESTS = 20


@pytest.fixture
def key(environment: dict[str, str]) -> str:
    """The key of an application, in a database that is filled."""
    return fill(environment)["BENCHMARK_KEY"]


@pytest.fixture
def server_log(environment: dict[str, str], key: str) -> Path:
    """The log of the tests' own server, which holds this database's statements from now on."""
    with psycopg.connect(environment["DATABASE_URL"], autocommit=True) as connection:
        name = connection.info.dbname
        connection.execute(f"ALTER DATABASE \"{name}\" SET log_statement = 'all'")
        row = connection.execute("SHOW data_directory").fetchone()
    assert row is not None
    return Path(row[0]).with_name("log")


@pytest.mark.parametrize("count", [1, 500])
@pytest.mark.parametrize("has_event_ids", [True, False])
def test_a_plain_request_takes_three_statements_at_most(
    environment: dict[str, str], key: str, server_log: Path, count: int, has_event_ids: bool
) -> None:
    database = environment["DATABASE_URL"].rpartition("/")[2]

    with serving("config.rsgi:application", {**environment, "RATE_LIMIT": "6000"}) as (port, _):
        application = Application(port, key)

        def send() -> None:
            names = [{"name": f"name{position % 10}"} for position in range(count)]
            events = [
                {**each, "eventId": uuid.uuid4().hex} if has_event_ids else each for each in names
            ]
            assert application.send("p1@example.com", events) == 200

        for _ in range(3):
            send()
        before = statements_in(server_log, database)
        for _ in range(REQUESTS):
            send()
        taken = statements_in(server_log, database) - before

    # At least one each, or nothing was counted.
    assert REQUESTS <= taken <= 3 * REQUESTS


def statements_in(log: Path, database: str) -> int:
    """Count what the server was asked to do in a database."""
    time.sleep(0.2)
    return len(re.findall(rf" {database} LOG:  (?:statement|execute)", log.read_text()))
