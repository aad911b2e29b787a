"""A workspace that asks people to confirm, served by real processes; people sign up and read mail.

with installation(environment, start_worker) as house:
    house.sign_up("ada@example.com")
    mail = house.wait_for_mails("ada@example.com", 1)[0]
    house.post(house.confirmation_path(mail), by="button")
"""

import email
import email.policy
import http.client
import json
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any
from urllib.parse import urlencode, urlsplit

from tests.support import smtp_server
from tests.support.running import BULK, call, serving
from tests.support.smtp_server import SmtpServer
from tests.support.working import StartWorker, Working, manage

SECONDS_TO_HAPPEN = 35.0
FIRST_SUBJECT = "Welcome to Careful"
_CONFIRMATION_PATH = re.compile(r"/c/[0-9A-Za-z._-]+")
_PREPARE = f"""
from django.utils import timezone
from events.services.configuration import sync_rules
from subscribers.services.workspaces import api_keys, workspaces
from tests.support.sequence_making import make_sequence
workspace = workspaces.create(
    name="Careful", double_opt_in=True, from_email="news@example.com", default_lists=["News"])
rule = sync_rules.RuleSpec(trigger_event="signup", add=["newcomer"])
sync_rules.replace_all(workspace=workspace, specs=[rule])
step = {{"type": "email", "subject": {FIRST_SUBJECT!r}, "text": "Hello", "html": "<p>Hello</p>"}}
make_sequence(workspace, step, now=timezone.now())
print(api_keys.create(workspace=workspace, name="app").text)
"""


@dataclass(frozen=True)
class Page:
    """What a browser was answered."""

    status: int
    text: str
    headers: http.client.HTTPMessage


class House:
    """The processes of one installation, seen from outside: by HTTP, by mail, by its database."""

    def __init__(
        self, environment: dict[str, str], port: int, key: str, server: SmtpServer
    ) -> None:
        """Keep whom to talk to."""
        self.environment = environment
        self.port = port
        self.key = key
        self.server = server

    def sign_up(self, address: str, *, events: int = 1) -> Any:
        """Report that somebody signed up, in a request of so many events; returns the answer."""
        names = ["signup", *(f"step-{number}" for number in range(1, events))]
        body = {"email": address, "events": [{"name": name} for name in names]}
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        status, answer = call(self.port, "POST", BULK, body=json.dumps(body), headers=headers)
        assert status == 200, answer
        return answer

    def get(self, path: str, *, method: str = "GET") -> Page:
        """Open a page as whatever follows links does."""
        return self._ask(method, path, None)

    def post(self, path: str, **fields: str) -> Page:
        """Send a form."""
        return self._ask("POST", path, urlencode(fields))

    def mails_to(self, address: str) -> list[EmailMessage]:
        """Return what the mail server took for somebody, in order."""
        return [
            email.message_from_bytes(each.content, policy=email.policy.default)
            for each in list(self.server.taken)
            if each.recipient == address
        ]

    def wait_for_mails(self, address: str, count: int) -> list[EmailMessage]:
        """Wait until the mail server has taken so many mails for somebody."""
        give_up_at = time.monotonic() + SECONDS_TO_HAPPEN
        while len(self.mails_to(address)) < count:
            assert time.monotonic() < give_up_at, f"{self.mails_to(address)} of {count} mails"
            time.sleep(0.02)
        return self.mails_to(address)

    def _ask(self, method: str, path: str, body: str | None) -> Page:
        headers = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            client.request(method, path, body=body, headers=headers)
            answer = client.getresponse()
            return Page(answer.status, answer.read().decode(), answer.headers)
        finally:
            client.close()


def text_of(mail: EmailMessage) -> str:
    """Return a mail's text part."""
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def confirmation_path(mail: EmailMessage) -> str:
    """Return the path of the link to confirm by."""
    found = _CONFIRMATION_PATH.search(text_of(mail))
    assert found is not None, text_of(mail)
    return found[0]


def one_click_path(mail: EmailMessage) -> str:
    """Return the path that a mail program sends the POST of RFC 8058 to."""
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    return urlsplit(str(mail["List-Unsubscribe"]).strip().strip("<>")).path


@contextmanager
def web(environment: dict[str, str], key: str, server: SmtpServer) -> Iterator[House]:
    """Run the web process of an installation that was prepared."""
    with serving("config.rsgi:application", environment) as (port, _):
        yield House(environment, port, key, server)


def prepare(environment: dict[str, str]) -> str:
    """Make the workspace, its list, rule and sequence in a migrated database; returns a key."""
    done = manage(environment, "shell", "--verbosity", "0", "--command", _PREPARE)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@contextmanager
def installation(
    environment: dict[str, str], start_worker: StartWorker
) -> Iterator[tuple[House, Working]]:
    """Run web, worker and mail server on the fixtures' migrated database."""
    with ExitStack() as stack:
        server = stack.enter_context(smtp_server.running())
        environment["EMAIL_URL"] = f"smtp://127.0.0.1:{server.port}"
        key = prepare(environment)
        house = stack.enter_context(web(environment, key, server))
        working = start_worker()
        working.wait_for_beat()
        yield house, working
