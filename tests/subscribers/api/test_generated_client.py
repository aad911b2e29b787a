"""A client that a generator makes of the OpenAPI document makes the ten commonest calls."""

import json
import pkgutil
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from events.models import Enrollment
from subscribers.api.document import document
from subscribers.models import Subscriber
from tests.support.calling import Caller
from tests.support.sequence_making import make_sequence

httpx = pytest.importorskip("httpx", reason="the dependency group `checks` is not installed")
PACKAGE = "cueline_client"
Call = Callable[..., Any]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the generated package; it was generated without a warning."""
    made = tmp_path_factory.mktemp("generated")
    made.joinpath("openapi.json").write_text(json.dumps(document()))
    # Its formatter only makes the code prettier.
    made.joinpath("config.json").write_text('{"post_hooks": []}')
    generator = [sys.executable, "-m", "openapi_python_client", "generate", "--fail-on-warning"]
    generator += ["--path", "openapi.json", "--config", "config.json"]
    generator += ["--meta", "none", "--output-path", PACKAGE]

    done = subprocess.run(generator, check=False, cwd=made, capture_output=True, text=True)

    assert done.returncode == 0, done.stdout + done.stderr
    return made


@pytest.fixture
def call(folder: Path, caller: Caller, monkeypatch: pytest.MonkeyPatch) -> Call:
    """Return what makes a call by its module's name, and gives what the client reads of it."""
    monkeypatch.syspath_prepend(folder)
    client = import_module(PACKAGE).AuthenticatedClient("http://localhost", caller.key)

    def answer(request: Any) -> Any:
        kept = ("Authorization", "Content-Type")
        headers = {name: request.headers[name] for name in kept if name in request.headers}
        path = request.url.raw_path.decode()
        reply = caller.send(request.method, path, request.read(), headers=headers)
        return httpx.Response(reply.status, json=reply.json)

    headers = {"Authorization": f"Bearer {caller.key}"}
    transport = httpx.MockTransport(answer)
    client.set_httpx_client(
        httpx.Client(base_url="http://localhost", headers=headers, transport=transport)
    )

    def make(name: str, *parts: str, **given: Any) -> Any:
        return import_module(f"{PACKAGE}.api.{name}").sync(*parts, client=client, **given)

    return make


def model(name: str) -> Any:
    return getattr(import_module(f"{PACKAGE}.models"), name)


def test_every_module_of_it_can_be_loaded(folder: Path, call: Call) -> None:
    package = import_module(PACKAGE)

    names = [each.name for each in pkgutil.walk_packages(package.__path__, f"{PACKAGE}.")]

    assert len(names) > 200
    for name in names:
        import_module(name)


@pytest.mark.django_db
def test_it_records_events_and_looks_one_up(call: Call) -> None:
    body = model("RecordEventsBody").from_dict(
        {"email": "ada@example.com", "events": [{"name": "order.placed"}, {"name": ""}]}
    )

    recorded = call("events.record_events", body=body)
    event = call("events.get_events_by_event_id", recorded.events[0].id).event

    assert type(recorded).__name__ == "EventsRecorded"
    assert recorded.success is False
    assert recorded.events[1].error.code == "VALIDATION_ERROR"
    assert (event.name, event.subscriber.email) == ("order.placed", "ada@example.com")


@pytest.mark.django_db
def test_it_creates_changes_reads_and_erases_a_person(call: Call) -> None:
    new = model("NewSubscriber")(email="ada@example.com", first_name="Ada")
    change = model("SubscriberChange")(last_name="Lovelace", timezone=None)

    created = call("subscribers.post_subscribers", body=new)
    changed = call("subscribers.patch_subscribers_by_email", "ada@example.com", body=change)
    read = call("subscribers.get_subscribers_by_email", "ada@example.com")
    erased = call("subscribers.delete_subscribers_by_email", "ada@example.com")
    gone = call("subscribers.get_subscribers_by_email", "ada@example.com")

    assert created.subscriber.first_name == "Ada"
    assert changed.subscriber.last_name == "Lovelace"
    assert read.subscriber.email_stats.sent == 0
    assert erased.deleted is True
    assert (type(gone).__name__, gone.error.code) == ("Error", "SUBSCRIBER_NOT_FOUND")
    assert not Subscriber.objects.exists()


@pytest.mark.django_db
def test_it_gives_and_takes_a_tag_and_unsubscribes(call: Call) -> None:
    named = {"email": "ada@example.com", "tag": "VIP user"}

    given = call("subscribers.post_subscribers_tags", body=model("TaggedOnce").from_dict(named))
    taken = call(
        "subscribers.post_subscribers_tags_remove", body=model("TaggedOnce").from_dict(named)
    )
    left = call("subscribers.post_subscribers_by_email_unsubscribe", "ada@example.com")

    assert given.tag.name == "vip-user"
    assert taken.success is True
    assert (left.subscriber.status, left.subscriber.tags) == ("unsubscribed", [])


@pytest.mark.django_db
def test_it_pages_through_people_and_enrolls_one(call: Call, caller: Caller) -> None:
    addresses = [f"person{number}@example.com" for number in range(5)]
    for address in addresses:
        call("subscribers.post_subscribers", body=model("NewSubscriber")(email=address))
    sequence = make_sequence(caller.workspace, {"type": "delay", "days": 1}, name="Welcome")

    page = call("subscribers.get_subscribers", limit=2)
    found = [each.email for each in page.subscribers]
    while page.pagination.next_cursor:
        page = call("subscribers.get_subscribers", limit=2, cursor=page.pagination.next_cursor)
        found += [each.email for each in page.subscribers]
    enrolled = call(
        "sequences.post_sequences_by_sequence_id_enroll",
        sequence.public_id,
        body=model("Enrolling")(emails=found[:1]),
    )

    assert sorted(found) == addresses
    assert (enrolled.enrolled, enrolled.not_found) == (1, [])
    assert Enrollment.objects.get().subscriber.email == found[0]
