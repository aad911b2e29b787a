"""The connection breaks right after a statement that commits was sent: every event stays once."""

import json
import subprocess
import sys
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.support.cutting_proxy import cutting
from tests.support.running import ROOT, call, serving
from tests.support.working import fill_with_tables

pytestmark = [pytest.mark.live, pytest.mark.postgresql]

# A server that is still at its commit when the request looks for what became of it.
COMMIT_SLOWLY = """
CREATE FUNCTION test_sleep() RETURNS trigger LANGUAGE plpgsql
    AS $$ BEGIN PERFORM pg_sleep(0.2); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER test_sleep AFTER INSERT ON events_event
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION test_sleep();
"""
PATH = "/api/v1/subscribers/events/bulk"


def manage(environment: dict[str, str], *arguments: str) -> str:
    """Run a command and return what it printed."""
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout.strip()


@pytest.mark.parametrize(("requests", "is_slow"), [(100, False), (16, True)])
def test_a_cut_after_the_commit_leaves_every_event_once(
    environment: dict[str, str], requests: int, is_slow: bool
) -> None:
    fill_with_tables(environment)
    slug = manage(environment, "create_workspace", "Acme")
    key = manage(environment, "create_api_key", "--workspace", slug)
    if is_slow:
        with psycopg.connect(environment["DATABASE_URL"]) as connection:
            connection.execute(COMMIT_SLOWLY)
    server = urlsplit(environment["DATABASE_URL"])
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    statuses: list[int] = []

    with cutting(
        str(server.hostname), int(server.port or 0), b"COMMIT", b"INSERT INTO events_event ("
    ) as proxy:
        through = server._replace(netloc=f"postgres@127.0.0.1:{proxy.port}").geturl()
        with serving("config.rsgi:application", {**environment, "DATABASE_URL": through}) as (
            port,
            _,
        ):

            def send(number: int, **more: Any) -> int:
                body = {
                    "email": "a@example.com",
                    "events": [{"name": "a", "properties": {"n": number}}],
                }
                status, _ = call(
                    port, "POST", PATH, body=json.dumps(body), headers={**headers, **more}
                )
                return status

            # Known person and name from here on: every other request goes the fast path.
            send(-1)
            for number in range(requests):
                is_keyed = number % 2 == 1
                # With a key two transactions commit: the reservation, then the work.
                to_pass = int(is_keyed and number % 8 < 4)
                proxy.arm(to_pass=to_pass, waits_for_answer=number % 4 < 2)
                more = {"Idempotency-Key": f"key-{number}"} if is_keyed else {}
                statuses.append(send(number, **more))
        cuts = proxy.cuts

    with psycopg.connect(environment["DATABASE_URL"]) as connection:
        rows = connection.execute(
            "SELECT (properties->>'n')::int, count(*) FROM events_event GROUP BY 1"
        ).fetchall()
    stored: dict[int, int] = dict(rows)
    assert cuts == requests
    assert statuses == [200] * requests
    assert stored == dict.fromkeys(range(-1, requests), 1)
