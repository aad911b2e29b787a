"""Mail stops for four reasons at once: each is said everywhere, and after the repair all is sent.

It runs when it is asked for, since it waits:

    uv run pytest -m soak tests/faults/test_mail_stops.py

`AWAY_SECONDS` (60) is how long the mail server is away.
"""

import http.client
import json
import os
import time
from collections import Counter
from collections.abc import Callable

import pytest

from tests.support import smtp_server, web_servers
from tests.support.ports import free_port
from tests.support.running import Application, Running, Start
from tests.support.smtp_server import Stage
from tests.support.working import manage

pytestmark = [pytest.mark.live, pytest.mark.soak]

AWAY_SECONDS = float(os.environ.get("AWAY_SECONDS", "60"))
# The most between a fault and each report of it.
SECONDS_TO_TELL = 30
PEOPLE = 20
PREPARE = """
from django.utils import timezone
from subscribers.services.workspaces import api_keys, workspaces
from tests.support.sequence_making import MAIL, make_sequence
workspace = workspaces.create(name="Shop", from_email="news@example.com")
now = timezone.now()
make_sequence(workspace, MAIL, name="Plain", eventName="plain", now=now)
loop = "{% for a in event.items %}{{ a }}{% endfor %}"
broken = {"type": "email", "id": "hello", "subject": "Broken", "text": loop}
make_sequence(workspace, broken, name="Broken", eventName="broken", now=now)
hook = {"type": "webhook", "url": "http://127.0.0.1:PORT/"}
make_sequence(workspace, hook, MAIL, name="Hook", eventName="hook", now=now)
print(api_keys.create(workspace=workspace, name="app").text)
"""
ALARMS = """
from django.utils import timezone
from subscribers.admin import alarms
now = timezone.now()
found = [*alarms.current(now=now), *alarms.needs(workspace=None, now=now)]
print("\\n".join(str(each.text) for each in found))
"""
REPAIR = """
from django.utils import timezone
from events.models import Sequence
from events.services.sequences import sequences
from msgspec.structs import replace
found = Sequence.objects.get(key="broken")
spec = sequences.spec_of(found)
steps = (replace(spec.steps[0], text="{{event.items | size}}"),)
sequences.edit(sequence=found, spec=replace(spec, steps=steps), now=timezone.now())
"""


class Installation:
    """What an operator sees of the running product."""

    def __init__(self, running: Running, environment: dict[str, str]) -> None:
        self.running = running
        self.environment = environment

    def log(self) -> str:
        return self.running.log.read_text()

    def metrics(self) -> str:
        client = http.client.HTTPConnection("127.0.0.1", self.running.port, timeout=30)
        client.request("GET", "/metrics")
        text = client.getresponse().read().decode()
        client.close()
        return text

    def gauge(self, name: str) -> float:
        lines = [line for line in self.metrics().splitlines() if line.startswith(name)]
        return sum(float(line.rpartition(" ")[2]) for line in lines)

    def alarms(self) -> str:
        return told(self.environment, "shell", "-v", "0", "-c", ALARMS)

    def doctor(self) -> str:
        return manage(self.environment, "doctor", "--json").stdout


def within(seconds: float, is_so: Callable[[], bool], what: str) -> None:
    give_up_at = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < give_up_at, what
        time.sleep(0.5)


def told(environment: dict[str, str], *arguments: str) -> str:
    """Return what a command prints."""
    done = manage(environment, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_four_faults_are_told_and_repaired(start: Start, environment: dict[str, str]) -> None:
    mail_port, receiver = free_port(), web_servers.Receiver()
    with web_servers.serve(receiver):
        hook_port = receiver.port
    environment |= {
        "EMAIL_URL": f"smtp://127.0.0.1:{mail_port}?tls=off",
        "ALLOW_PRIVATE_WEBHOOKS": "true",
        "STEP_ATTEMPTS": "5",
    }
    told(environment, "migrate", "-v", "0")
    prepared = PREPARE.replace("PORT", str(hook_port))
    key = told(environment, "shell", "-v", "0", "-c", prepared).strip()
    running = start()
    running.wait_until_it_runs()
    seen, application = Installation(running, environment), Application(running.port, key)
    for number in range(PEOPLE):
        for name in ("plain", "broken", "hook"):
            event = {"name": name, "properties": {"items": [1] * 2001}}
            assert application.send(f"{name}{number}@example.com", [event]) == 200
    began = time.monotonic()

    within(SECONDS_TO_TELL, lambda: "No mail has left by" in seen.log(), "log")
    within(SECONDS_TO_TELL, lambda: "Webhooks to 127.0.0.1" in seen.log(), "log of webhooks")
    within(SECONDS_TO_TELL, lambda: "Broken: " in seen.log(), "log of the template")
    assert seen.gauge("cueline_mail_blocked_seconds") > 0
    assert seen.gauge('cueline_losses{reason="template_error"}') == PEOPLE
    assert seen.gauge("cueline_webhooks_waiting") > 0
    status, health = running.send("GET", "/healthz/worker")
    assert (status, health["mail"]["status"]) == (200, "failing")
    alarms, doctor = seen.alarms(), seen.doctor()
    for said in (alarms, doctor):
        assert "No mail has left by" in said
        assert "have not been taken" in said
    assert f"Broken: {PEOPLE} failed since" in alarms
    assert "retry_failed --workspace shop --sequence broken" in doctor
    assert time.monotonic() - began < SECONDS_TO_TELL * 2
    time.sleep(max(0, AWAY_SECONDS - (time.monotonic() - began)))

    with smtp_server.running(mail_port) as server:
        server.always(Stage.MAIL, "535 5.7.8 Authentication failed")
        within(330, lambda: "log-in" in seen.alarms(), "log-in refused")
        server.behave()
        told(environment, "shell", "-v", "0", "-c", REPAIR)
        told(environment, "retry_failed", "--workspace", "shop", "--sequence", "broken")
        wanted = {f"{name}{n}@example.com" for name in ("plain", "broken") for n in range(PEOPLE)}
        within(400, lambda: wanted <= set(server.recipients), "mails after the repair")
        with_hooks = web_servers.Receiver()
        with web_servers.serve(with_hooks, port=hook_port):
            every = wanted | {f"hook{n}@example.com" for n in range(PEOPLE)}
            within(400, lambda: every <= set(server.recipients), "mails after webhooks")
        within(60, lambda: "Mail leaves again by" in seen.log(), "the end in the log")
        within(60, lambda: seen.gauge("cueline_mail_blocked_seconds") == 0, "gauge")
        within(60, lambda: "failed since" not in seen.alarms(), "no loss is left")

        assert set(Counter(server.recipients).values()) == {1}
        headers = [
            {name.lower(): value for name, value in given.items()}
            for _, given, _ in with_hooks.asked
        ]
        deliveries = [each["webhook-id"] for each in headers]
        assert len(set(deliveries)) == len(deliveries) == PEOPLE
        assert json.loads(seen.doctor())["healthy"]
