"""Everything at once: applications, an editor in the admin, and keys that come and go.

`STRESS_SECONDS` (20) sets how long.
"""

import os
import random
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from config.admin_base import admin_url
from events.models import Event, SyncRule
from events.services import sync_rules
from events.services.sync_rules import RuleSpec
from subscribers.models import Subscriber, Workspace
from subscribers.services import api_keys, workspaces
from tests.events.admin.test_pages import rule_fields
from tests.running import Application, serving

pytestmark = [pytest.mark.live, pytest.mark.django_db(transaction=True)]

SECONDS = int(os.environ.get("STRESS_SECONDS", "20"))
THREADS = 16
PEOPLE = 50
RULES = [
    RuleSpec(trigger_event="buy", add=["customer"], remove=["lead"]),
    RuleSpec(trigger_event="ask", add=["lead"], requires_not=["customer"]),
    RuleSpec(trigger_event="leave", remove=["customer"]),
]
NAMES = ["view", "view", "buy", "ask", "leave"]


@pytest.fixture
def port() -> Iterator[int]:
    """A web process on the test's own database."""
    name = connection.settings_dict["NAME"]
    is_sqlite = connection.vendor == "sqlite"
    server = os.environ.get("DATABASE_URL", "").rpartition("/")[0]
    url = f"sqlite:///{name}" if is_sqlite else f"{server}/{name}"
    environment = {**os.environ, "DATABASE_URL": url, "LOG_LEVEL": "warning"}
    with serving("config.wsgi:application", environment) as (number, _):
        yield number


def test_nothing_is_lost_or_refused_under_everything_at_once(port: int) -> None:
    workspace = workspaces.create(name="Acme", default_lists=["News"])
    rules = sync_rules.replace_all(workspace=workspace, specs=RULES)
    key = api_keys.create(workspace=workspace, name="app").text
    editor = Client()
    editor.force_login(User.objects.create_superuser("editor"))
    deadlocks_before = deadlocks()
    stop_at = time.monotonic() + SECONDS

    def while_time(work: Callable[[random.Random], None]) -> None:
        choose = random.Random(uuid.uuid4().int)  # noqa: S311 - cases, no secrets
        try:
            while time.monotonic() < stop_at:
                work(choose)
        finally:
            connection.close()

    sent: list[str] = []
    statuses: Counter[int] = Counter()

    def report(choose: random.Random) -> None:
        marks = [uuid.uuid4().hex for _ in range(choose.choice([1, 1, 3, 20]))]
        events = [{"name": choose.choice(NAMES), "eventId": mark} for mark in marks]
        person = f"p{choose.randrange(PEOPLE)}@example.com"
        application = Application(port, key)
        for _ in range(choose.choice([1, 1, 1, 2])):
            statuses[application.send(person, events)] += 1
        sent.extend(marks)

    def edit(choose: random.Random) -> None:
        chosen = SyncRule.objects.get(pk=choose.choice(rules).pk)
        fields = rule_fields(workspace, trigger_event=chosen.trigger_event, add="", remove="")
        tag = choose.choice(["customer", "lead", "other"])
        answer = editor.post(admin_url(chosen), {**fields, choose.choice(["add", "remove"]): tag})
        assert answer.status_code == 302

    def change_keys(choose: random.Random) -> None:
        made = api_keys.create(workspace=workspace, name="brief")
        application = Application(port, made.text)
        person, mark = f"p{choose.randrange(PEOPLE)}@example.com", uuid.uuid4().hex
        for _ in range(2):
            statuses[application.send(person, [{"name": "view", "eventId": mark}])] += 1
        sent.append(mark)
        api_keys.revoke(api_key=made.api_key, now=datetime.now(tz=UTC))
        assert application.send(person, [{"name": "view"}]) == 401

    work = [edit, change_keys, *[report] * (THREADS - 2)]
    with ThreadPoolExecutor(THREADS) as together:
        for done in [together.submit(while_time, each) for each in work]:
            done.result()

    assert set(statuses) == {200}
    assert statuses[200] > SECONDS
    assert deadlocks() == deadlocks_before
    assert Counter(Event.objects.values_list("event_id", flat=True)) == Counter(sent)
    assert Subscriber.objects.count() <= PEOPLE
    assert_tags_follow_from_effects(workspace)


def assert_tags_follow_from_effects(workspace: Workspace) -> None:
    """Each tag was put on as often as it was taken off, or once more by those who bear it."""
    for person in Subscriber.objects.filter(workspace=workspace):
        balance: Counter[str] = Counter()
        for effects in person.events.values_list("effects", flat=True):
            balance.update(each["tag"] for each in effects.get("tagsAdded", []))
            balance.subtract(each["tag"] for each in effects.get("tagsRemoved", []))
        bears = person.tag_links.values_list("tag__name", flat=True)
        assert {tag: count for tag, count in balance.items() if count} == dict.fromkeys(bears, 1)


def deadlocks() -> int:
    """Return how many deadlocks PostgreSQL has ended in this database."""
    if connection.vendor == "sqlite":
        return 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        row: tuple[int] = cursor.fetchone()
        return row[0]
