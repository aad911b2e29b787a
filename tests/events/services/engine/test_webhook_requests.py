"""What a webhook step sends: method, URL, headers and body of its own, and two signatures."""

import base64
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from pytest_django.fixtures import Settings
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from events.language.steps import parse_steps
from events.models import Enrollment, StepRun
from events.services.sequences import sequences
from events.services.simulation import wire
from subscribers.models import Subscriber, Workspace
from subscribers.wire.payloads import InvalidRequest
from tests import factories
from tests.support.engine_running import begin
from tests.support.sequence_making import NOON, make_sequence
from tests.support.simulations import simulate
from tests.support.time_travel import TimeTravel
from tests.support.web_servers import Receiver, serve

pytestmark = pytest.mark.django_db
Status = Enrollment.Status


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Receiver]:
    settings.ALLOW_PRIVATE_WEBHOOKS = True
    with serve(Receiver()) as receiver:
        yield receiver


@pytest.fixture
def person(workspace: Workspace) -> Subscriber:
    return factories.SubscriberFactory.create(
        workspace=workspace, email="ada+x@example.com", first_name='Zoë "Z"'
    )


def send(
    person: Subscriber,
    receiver: Receiver,
    path: str = "/x",
    *,
    properties: dict[str, Any] | None = None,
    **step: Any,
) -> Enrollment:
    webhook = {"type": "webhook", "url": f"http://127.0.0.1:{receiver.port}{path}", **step}
    sequence = make_sequence(person.workspace, webhook, {"type": "delay", "days": 1})
    event = factories.EventFactory.create(subscriber=person, properties=properties or {})
    enrollment = begin(sequence, person, started_by=event)
    TimeTravel(NOON).tick()
    enrollment.refresh_from_db()
    return enrollment


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_the_step_names_the_method(person: Subscriber, receiver: Receiver, method: str) -> None:
    enrollment = send(person, receiver, method=method)

    assert receiver.methods == [method]
    ((_, _, body),) = receiver.asked
    assert (body == b"") == (method == "GET")
    assert enrollment.status == Status.WAITING


def test_a_body_of_its_own_is_filled_and_a_lone_tag_keeps_its_type(
    person: Subscriber, receiver: Receiver
) -> None:
    body = {
        "text": "New: {{subscriber.firstName}} paid {{event.total}}",
        "total": "{{ event.total }}",
        "items": "{{event.items}}",
        "order": ["{{event.order.id}}", 1, None, True, {"none": "{{event.order.gone}}"}],
    }

    send(
        person,
        receiver,
        body=json.dumps(body),
        properties={"total": 19.5, "items": [{"sku": "a"}], "order": {"id": 7}},
    )

    ((_, headers, sent),) = receiver.asked
    assert headers["Content-Type"] == "application/json"
    assert json.loads(sent) == {
        "text": 'New: Zoë "Z" paid 19.5',
        "total": 19.5,
        "items": [{"sku": "a"}],
        "order": [7, 1, None, True, {"none": None}],
    }


def test_headers_of_its_own_have_tags_and_stay_one_line(
    person: Subscriber, receiver: Receiver
) -> None:
    send(
        person,
        receiver,
        headers={
            "Authorization": "Bearer s3cret",
            "content-type": "application/vnd.api+json",
            "X-Who": "{{subscriber.firstName}}",
            "X-Plan": "{{event.plan}}",
        },
        properties={"plan": "pro\r\nHost: evil.example"},
    )

    ((_, headers, _),) = receiver.asked
    assert headers["Authorization"] == "Bearer s3cret"
    assert headers["content-type"] == "application/vnd.api+json"
    assert headers["X-Who"].encode("latin-1").decode() == 'Zoë "Z"'
    assert headers["X-Plan"] == "pro Host: evil.example"
    assert headers["Host"] == f"127.0.0.1:{receiver.port}"


def test_values_in_the_url_are_percent_encoded(person: Subscriber, receiver: Receiver) -> None:
    send(
        person,
        receiver,
        "/people/{{subscriber.email}}?plan={{ event.plan }}&x=1",
        properties={"plan": "a/b&c=d#e ü"},
    )

    ((path, _, _),) = receiver.asked
    assert path == "/people/ada%2Bx%40example.com?plan=a%2Fb%26c%3Dd%23e%20%C3%BC&x=1"


def test_a_value_cannot_lead_to_another_path(person: Subscriber, receiver: Receiver) -> None:
    enrollment = send(person, receiver, "/users/{{event.name}}/delete", properties={"name": ".."})

    assert receiver.asked == []
    assert enrollment.status == Status.FAILED
    assert enrollment.last_error == "The URL has a part . or .. in its path."


def test_standard_webhooks_verifies_the_signature(person: Subscriber, receiver: Receiver) -> None:
    enrollment = send(person, receiver)

    ((_, headers, body),) = receiver.asked
    secret = person.workspace.webhook_secret
    shown = f"whsec_{base64.b64encode(secret.encode()).decode()}"
    assert person.workspace.standard_webhook_secret == shown
    with time_machine.travel(NOON + timedelta(minutes=1), tick=False):
        data = Webhook(shown).verify(body, headers)
        with pytest.raises(WebhookVerificationError):
            Webhook(shown).verify(body + b" ", headers)
    assert data["enrollmentId"] == enrollment.public_id
    assert headers["webhook-id"] == headers["Cueline-Delivery"]


def test_a_step_that_goes_on_keeps_the_error(person: Subscriber, receiver: Receiver) -> None:
    receiver.status = 404

    enrollment = send(person, receiver, onError="continue")

    step_run = StepRun.objects.get(enrollment=enrollment)
    assert (step_run.status, step_run.error) == ("failed", "It answered 404.")


@pytest.mark.parametrize(
    ("fields", "path", "words"),
    [
        ({"url": "https://{{event.host}}/x"}, "url", "may have merge tags in its path and query"),
        ({"url": "{{event.url}}"}, "url", "may have merge tags in its path and query"),
        ({"url": "https://a.example:{{event.port}}/"}, "url", "may have merge tags in its path"),
        ({"url": "https://a.example{{event.path}}"}, "url", "may have merge tags in its path"),
        ({"url": "https://{{event.name}}@a.example/"}, "url", "may have merge tags in its path"),
        ({"url": "https://a.example/{{subscriber.first_name}}"}, "url", "did you mean"),
        ({"url": "https://a.example/{{"}, "url", "Line 1"),
        ({"url": "ftp://a.example/"}, "url", "must begin with https://"),
        ({"method": "HEAD"}, "method", "must be POST, GET, PUT, PATCH or DELETE."),
        ({"method": "GET", "body": "{}"}, "body", "is not sent with GET"),
        ({"headers": {"Host": "x"}}, "headers", "may not set Host"),
        ({"headers": {"content-LENGTH": "1"}}, "headers", "may not set content-LENGTH"),
        ({"headers": {"Transfer-Encoding": "chunked"}}, "headers", "may not set"),
        ({"headers": {"Connection": "close"}}, "headers", "may not set Connection"),
        ({"headers": {"Webhook-Signature": "x"}}, "headers", "may not set Webhook-Signature"),
        ({"headers": {"Cueline-Signature": "x"}}, "headers", "may not set Cueline-Signature"),
        ({"headers": {"X-A": "a\r\nX-B: b"}}, "headers", "X-A must be one line."),
        ({"headers": {"X A": "a"}}, "headers", "has a name that no header can have"),
        ({"headers": {"X-A": "a", "x-a": "b"}}, "headers", "names x-a twice"),
        ({"headers": {"X-A": 1}}, "headers", "X-A must be a string"),
        ({"headers": {f"X-{n}": "a" for n in range(21)}}, "headers", "at most 20 are allowed"),
        ({"headers": {"X-A": "{{subscriber.nope}}"}}, "headers.X-A", "is not known"),
        ({"headers": ["X-A: a"]}, "headers", "must be an object"),
        ({"body": '{"a": {{event.a}}}'}, "body", "must be JSON; merge tags are allowed inside"),
        ({"body": '{"a": NaN}'}, "body", "must be JSON"),
        ({"body": '{"{{event.a}}": 1}'}, "body", "has merge tags in a name"),
        ({"body": '{"a": "{% if event.a %}"}'}, "body", "Line 1"),
        ({"body": "[" * 30 + "]" * 30}, "body", "nests more than 20 levels"),
        ({"body": '"' + "a" * 70_000 + '"'}, "body", "at most 65536 are allowed"),
        ({"body": 7}, "body", "must be"),
    ],
)
def test_what_can_never_be_sent_is_refused(fields: dict[str, Any], path: str, words: str) -> None:
    step = {"type": "webhook", "url": "https://a.example/", **fields}

    with pytest.raises(InvalidRequest) as refusal:
        parse_steps([step])

    (fault,) = refusal.value.faults
    assert fault.path == f"steps[0].{path}"
    assert words in fault.message


def test_a_file_may_give_the_body_as_an_object() -> None:
    step = {"type": "webhook", "url": "https://a.example/", "body": {"who": "{{subscriber.email}}"}}

    (parsed,) = parse_steps([step])

    assert parsed.as_wire()["body"] == '{"who": "{{subscriber.email}}"}'


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8126/x", "http://a.example/x", "https://10.0.0.1/"]
)
def test_private_receivers_are_saved_only_where_the_setting_permits_them(
    workspace: Workspace, settings: Settings, url: str
) -> None:
    step = {"type": "webhook", "url": url}

    with pytest.raises(InvalidRequest) as refusal:
        make_sequence(workspace, step)
    settings.ALLOW_PRIVATE_WEBHOOKS = True
    make_sequence(workspace, step)

    assert [fault.path for fault in refusal.value.faults] == ["steps[0].url"]


def test_merge_tags_of_webhooks_are_compared_with_the_latest_events(workspace: Workspace) -> None:
    step: dict[str, Any] = {"type": "webhook", "url": "https://a.example/{{event.order}}"}
    step |= {"body": '{"plan": "{{event.plan}}"}', "headers": {"X-Gone": "{{event.gone}}"}}
    sequence = make_sequence(workspace, step)
    definition = factories.EventDefinitionFactory.create(workspace=workspace, name="signup")
    factories.EventFactory.create(definition=definition, properties={"order": 1, "plan": "pro"})

    warnings = sequences.readiness(sequence).warnings

    assert [each for each in warnings if "the property gone" in each] == [
        f"The latest event {definition.name} does not have the property gone."
    ]


def test_simulations_show_the_call_and_no_values_of_headers(
    person: Subscriber,
) -> None:
    step = {
        "type": "webhook",
        "method": "PUT",
        "url": "https://a.example/{{subscriber.email}}",
        "headers": {"Authorization": "Bearer s3cret"},
        "body": '{"who": "{{subscriber.firstName}}"}',
    }
    sequence = make_sequence(person.workspace, step)

    said = wire.as_wire(simulate(sequence, person.email), may_edit=True)["path"]["steps"][0]
    assert said["webhook"] == {"who": 'Zoë "Z"'}
    assert said["request"]["method"] == "PUT"
    assert said["request"]["url"] == "https://a.example/ada%2Bx%40example.com"
    assert said["request"]["headers"]["Authorization"] == "…"
