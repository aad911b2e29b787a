"""Twelve connections that sign in with ever new names: events go on, and the guesser is refused."""

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode

import pytest

from tests.support.running import ROOT, Application, serving
from tests.support.sign_in_flood import CONNECTIONS, TOKEN
from tests.support.working import fill, manage

pytestmark = [pytest.mark.live]

SECONDS = 3
# An idle machine needs some 5 ms; the flood made it seven seconds.
LONGEST_WAIT = 3.0
BY_ADDRESS = 3
MAKE_USER = (
    "from django.contrib.auth.models import User;"
    "User.objects.create_superuser('ada', password='correct horse battery')"
)


def ask(port: int) -> http.client.HTTPConnection:
    """Send the right password, and leave the answer where it is."""
    fields = {"username": "ada", "password": "correct horse battery"}
    headers = {
        "Content-Type": "application/x-www-form-urlencoded", "Cookie": f"csrftoken={TOKEN}",
    }  # fmt: skip
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    body = urlencode({**fields, "csrfmiddlewaretoken": TOKEN})
    client.request("POST", "/admin/login/", body, headers)
    return client


def sign_in(port: int) -> http.client.HTTPResponse:
    """Send the right password, and take the answer."""
    client = ask(port)
    answer = client.getresponse()
    answer.read()
    client.close()
    return answer


def test_two_sign_ins_at_a_time_are_tried_and_events_go_on(environment: dict[str, str]) -> None:
    key = fill(environment)["BENCHMARK_KEY"]
    assert manage(environment, "shell", "--no-imports", "-c", MAKE_USER).returncode == 0
    environment |= {"LOGIN_FAILURES_BY_ADDRESS": str(BY_ADDRESS), "LOG_LEVEL": "warning"}
    with serving("config.rsgi:application", environment) as (port, process):
        application = Application(port, key)
        with ThreadPoolExecutor(12) as together:
            statuses = list(together.map(lambda _: sign_in(port).status, range(12)))
        assert set(statuses) == {302, 429}
        assert application.send("ada@example.com", [{"name": "name1"}]) == 200
        flood = subprocess.Popen(
            [sys.executable, "-m", "tests.support.sign_in_flood", str(port), str(SECONDS)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
        )
        waits = []
        while flood.poll() is None:
            began = time.monotonic()
            assert application.send("ada@example.com", [{"name": "name1"}]) == 200
            waits.append(time.monotonic() - began)
            time.sleep(0.02)
        answers = json.loads(flood.communicate()[0])

        assert max(waits) < LONGEST_WAIT
        # A place for two at a time, so one more than the limit at most.
        assert answers["200"] <= BY_ADDRESS + 1
        # Each answer comes a second later, so every connection gets one a second.
        assert CONNECTIONS < answers["429"] <= CONNECTIONS * (SECONDS + 2)
        for _ in range(20):
            ask(port).close()
        refused = sign_in(port)
        assert refused.status == 429
        assert int(refused.headers["Retry-After"]) > 0
        assert "default-src 'self'" in refused.headers["Content-Security-Policy"]
        late = ask(port)
        assert application.send("ada@example.com", [{"name": "name1"}]) == 200
        os.kill(process, signal.SIGTERM)
        asked_at = time.monotonic()
        assert late.getresponse().status == 429
        while os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            assert time.monotonic() - asked_at < 10
            time.sleep(0.1)
        late.close()
