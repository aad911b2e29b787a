"""Every declared call of the API, found in the URL conf, with a world in which each can be made."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from events.services.enrollments.entering import enroll
from subscribers.api.calls import METHODS, ResourceView
from subscribers.api.declared import Call
from subscribers.api.document import document
from subscribers.models import ApiKey, Subscriber
from tests.support.calling import Caller, Reply
from tests.support.resources import PEOPLE
from tests.support.sequence_making import make_sequence

API = "/api/v1/"


@dataclass(frozen=True)
class KnownCall:
    method: str
    # As the OpenAPI document has it: `/api/v1/tags/{tag_id}`.
    route: str
    call: Call
    view: type[ResourceView]

    @property
    def name(self) -> str:
        return f"{self.method} {self.route.removeprefix(API)}"

    @property
    def description(self) -> dict[str, Any]:
        """Return what the OpenAPI document says of it."""
        found: dict[str, Any] = described()[self.route][self.method.lower()]
        return found

    @property
    def example(self) -> Any:
        """Return the body of the document's example; None where the call takes none."""
        if "requestBody" not in self.description:
            return None
        content = self.description["requestBody"]["content"]["application/json"]
        return next(iter(content["examples"].values()))["value"]


@cache
def described() -> dict[str, Any]:
    paths: dict[str, Any] = document()["paths"]
    return paths


@cache
def every_call() -> tuple[KnownCall, ...]:
    return tuple(_calls())


def _calls() -> Iterator[KnownCall]:
    for route, pattern in _patterns(get_resolver().url_patterns, "/"):
        view = getattr(pattern.callback, "cls", None)
        if not route.startswith(API) or view is None or not issubclass(view, ResourceView):
            continue
        for method in METHODS:
            if call := getattr(getattr(view, method, None), "call", None):
                yield KnownCall(method.upper(), route, call, view)


def _patterns(
    patterns: list[URLPattern | URLResolver], prefix: str
) -> Iterator[tuple[str, URLPattern]]:
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _patterns(pattern.url_patterns, route)
        else:
            yield as_documented(route), pattern


def as_documented(route: str) -> str:
    return route.replace("<str:", "{").replace("<path:", "{").replace(">", "}")


# What a call cannot do without.
NEEDED = {
    "/api/v1/events/sample": "?eventName=order.placed",
    "/api/v1/sequences/{sequence_id}/simulate": "?email=ada@example.com",
}


class World:
    """A workspace with one of everything, whose ids fill the parts of every path."""

    def __init__(self, caller: Caller) -> None:
        self.caller = caller
        order = {"name": "order.placed", "properties": {"total": 9, "items": [{"sku": "a"}]}}
        placed = caller.bulk(order, email="ada@example.com", externalId="user_1").json
        caller.post(f"{PEOPLE}/tags", {"email": "bob@example.com", "tag": "world"})
        tag = caller.post("/api/v1/tags", {"name": "kept"}).json["tag"]
        news = caller.post("/api/v1/lists", {"name": "World"}).json["list"]
        key = ApiKey.objects.filter(workspace=caller.workspace).latest("id")
        made = caller.post("/api/v1/api-keys", {"name": "other"}).json["apiKey"]
        assert key.pk.hex not in made["id"]
        caller.send("PATCH", f"{PEOPLE}/bob@example.com", b'{"status": "bounced"}', headers=JSON)
        sequence = make_sequence(caller.workspace, {"type": "delay", "days": 1}, name="World")
        ada = Subscriber.objects.get(workspace=caller.workspace, email="ada@example.com")
        entered = enroll(sequence=sequence, subscribers=[ada], now=timezone.now())
        imported = {"subscribers": [{"email": "ada@example.com"}]}
        run = caller.post(f"{PEOPLE}/imports", imported).json["import"]
        self.parts = {
            "email": "ada@example.com",
            "external_id": "user_1",
            "tag_id": tag["id"],
            "list_id": news["id"],
            "key_id": made["id"],
            "address": "bob@example.com",
            "sequence_id": sequence.public_id,
            "enrollment_id": entered.enrolled[0].public_id,
            "import_id": run["id"],
            "event_id": placed["events"][0]["id"],
        }

    def path(self, known: KnownCall) -> str:
        path = known.route
        for name, value in self.parts.items():
            path = path.replace("{" + name + "}", value)
        if known.view.addressing:
            return f"{path}?externalId=user_1"
        return path + NEEDED.get(known.route, "")

    def make(self, known: KnownCall, *, by: Caller | None = None, **more: str) -> Reply:
        """Make a call with the document's example, as another caller where one is given.

        `more` are headers: `Idempotency_Key` is `Idempotency-Key`.
        """
        example = known.example
        body = b"" if example is None else json.dumps(example).encode()
        named = {name.replace("_", "-"): value for name, value in more.items()}
        headers = {**(JSON if body else {}), **named}
        return (by or self.caller).send(known.method, self.path(known), body, headers=headers)


JSON = {"Content-Type": "application/json"}
