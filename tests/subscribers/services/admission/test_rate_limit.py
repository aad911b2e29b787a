"""The leased rate limit: never above the limit in all."""

import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from subscribers.models import ApiKey, LeasedWindow
from subscribers.services import retention
from subscribers.services.admission import rate_limit
from subscribers.services.storage import leased_bucket
from subscribers.services.workspaces import api_keys, workspaces

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _no_leases() -> Iterator[None]:
    leased_bucket.forget_leases()
    yield
    leased_bucket.forget_leases()


@pytest.fixture
def api_key() -> ApiKey:
    workspace = workspaces.create(name="Acme")
    return api_keys.create(workspace=workspace, name="app").api_key


def allowed(api_key_id: uuid.UUID, *, requests: int, limit: int, now: datetime = NOON) -> int:
    return sum(
        rate_limit.take(api_key_id=api_key_id, limit=limit, now=now).is_allowed
        for _ in range(requests)
    )


@pytest.mark.django_db
@pytest.mark.parametrize("limit", [1, 7, 20, 100, 2000])
def test_exactly_the_limit_gets_through_in_a_minute(api_key: ApiKey, limit: int) -> None:
    assert allowed(api_key.pk, requests=limit + 30, limit=limit) == limit


@pytest.mark.django_db
def test_the_next_minute_begins_anew(api_key: ApiKey) -> None:
    allowed(api_key.pk, requests=10, limit=5)

    later = NOON + timedelta(seconds=60)

    assert allowed(api_key.pk, requests=10, limit=5, now=later) == 5


@pytest.mark.django_db
def test_processes_together_stay_within_the_limit(api_key: ApiKey) -> None:
    passed = 0
    for _ in range(12):
        leased_bucket.forget_leases()  # what another process would not know
        passed += allowed(api_key.pk, requests=20, limit=100)

    assert 0 < passed <= 100


@pytest.mark.django_db
def test_a_lease_spares_the_database(api_key: ApiKey, django_assert_num_queries: object) -> None:
    assert callable(django_assert_num_queries)
    with django_assert_num_queries(2):
        allowed(api_key.pk, requests=100, limit=6000)


@pytest.mark.django_db
def test_a_refused_key_asks_the_database_no_more_in_that_minute(
    api_key: ApiKey, django_assert_num_queries: object
) -> None:
    assert callable(django_assert_num_queries)
    allowed(api_key.pk, requests=10, limit=5)

    with django_assert_num_queries(0):
        allowed(api_key.pk, requests=50, limit=5)


@pytest.mark.django_db
def test_old_windows_are_purged(api_key: ApiKey) -> None:
    allowed(api_key.pk, requests=1, limit=5)

    retention.purge_expired(now=NOON + timedelta(hours=2))

    assert not LeasedWindow.objects.exists()


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_threads_together_stay_within_the_limit(api_key: ApiKey) -> None:
    passed: list[int] = []

    def run() -> None:
        passed.append(allowed(api_key.pk, requests=40, limit=100))
        connection.close()

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(passed) <= 100
    assert sum(passed) > 50


TAKE_FIFTY = """
import sys, uuid, datetime, django
from django.conf import settings
settings.DATABASES["default"]["NAME"] = sys.argv[1]
django.setup()
from subscribers.services.admission import rate_limit
now = datetime.datetime.fromisoformat(sys.argv[3])
print("ready", flush=True)
sys.stdin.readline()
taken = [
    rate_limit.take(api_key_id=uuid.UUID(sys.argv[2]), limit=200, now=now).is_allowed
    for _ in range(50)
]
print(sum(taken))
"""


@pytest.mark.live
@pytest.mark.xdist_group("commands")
@pytest.mark.django_db(transaction=True)
def test_eight_processes_together_stay_within_the_limit(api_key: ApiKey) -> None:
    arguments = [str(connection.settings_dict["NAME"]), api_key.pk.hex, NOON.isoformat()]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", TAKE_FIFTY, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(8)
    ]

    for process in processes:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    passed = [int(process.communicate(timeout=60)[0]) for process in processes]

    assert sum(passed) <= 200
    assert sum(passed) > 100
