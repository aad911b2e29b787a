"""A sequence with one mail, and how its preview is asked for."""

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.test import Client

from config.admin_base import view_url
from events.models import Event, Sequence
from subscribers.models import Subscriber
from tests import factories
from tests.support.asking_pages import page_of
from tests.support.sequence_making import NOON

HI = {
    "type": "email",
    "subject": "Hi {{subscriber.firstName|friend}}, {{event.plan}}",
    "previewText": "Look at {{event.gone}}this",
    "html": '<p>{{event.plan}}</p><a href="https://shop.example/{{event.plan}}">Go</a>'
    "{{ event.seats }}",
}
TYPED = {
    "steps-count": "3",
    "steps-2-kind": "email",
    "steps-2-id": "late",
    "steps-2-subject": "Typed {{subscriber.firstName}}",
    "steps-2-body_format": "markdown",
    "steps-2-html": "Hi **{{subscriber.firstName|you}}** <b>x</b>",
    "steps-2-next": "exit",
    "steps-0-kind": "delay",
    "name": "The sequence's own field",
}


def signed_up(person: Subscriber, plan: str, *, days: int = 0) -> Event:
    known = person.workspace.event_definitions.filter(name="signup").first()
    definition = known or factories.EventDefinitionFactory.create(
        workspace=person.workspace, name="signup"
    )
    return factories.EventFactory.create(
        subscriber=person,
        definition=definition,
        properties={"plan": plan},
        occurred_at=NOON + timedelta(days=days),
    )


def shown(client: Client, sequence: Sequence, **asked: str) -> str:
    given = {f"as-{name}": value for name, value in asked.items()}
    return page_of(client, sequence, "mail", number="2", **given)


def html_of(client: Client, sequence: Sequence, **asked: str) -> str:
    query = urlencode({"number": "2", **{f"as-{name}": asked[name] for name in asked}})
    answer = client.get(f"{view_url(sequence, 'mail-html')}?{query}")
    assert answer.status_code == 200
    assert answer.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    return str(answer.content.decode())


def post_typed(client: Client, sequence: Sequence, view: str, **fields: str) -> Any:
    return client.post(f"{view_url(sequence, view)}?row=2", {**TYPED, **fields})
