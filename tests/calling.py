"""Calls the API through the URL conf, as an application would."""

import json
from dataclasses import dataclass
from typing import Any

from django.test import Client

from subscribers.models import Workspace

BULK = "/api/v1/subscribers/events/bulk"
SINGLE = "/api/v1/subscribers/events"
IMPORTS = "/api/v1/subscribers/events/imports"
ACCOUNT = "/api/v1/account"


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    json: Any
    headers: Any

    @property
    def code(self) -> str:
        """The error's code."""
        return str(self.json["error"]["code"])

    @property
    def message(self) -> str:
        """The error's sentence."""
        return str(self.json["error"]["message"])


@dataclass(frozen=True)
class Caller:
    """An application with a key of one workspace."""

    workspace: Workspace
    key: str

    def post(self, path: str, body: object, *, headers: dict[str, str] | None = None) -> Reply:
        """Send a JSON value, or bytes as they are."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.send(
            "POST", path, raw, headers={"Content-Type": "application/json", **(headers or {})}
        )

    def bulk(self, *events: object, query: str = "", **fields: object) -> Reply:
        """Send events for one subscriber, `a@example.com` unless told."""
        person = (
            fields if "email" in fields or "externalId" in fields else {"email": "a@example.com"}
        )
        return self.post(BULK + query, {**person, **fields, "events": list(events)})

    def get(self, path: str) -> Reply:
        """Read."""
        return self.send("GET", path, b"", headers={})

    def send(self, method: str, path: str, body: bytes, *, headers: dict[str, str]) -> Reply:
        """Send anything; the key goes along unless `Authorization` is given."""
        given = {"Authorization": f"Bearer {self.key}", **headers}
        content_type = given.pop("Content-Type", "")
        client = Client(raise_request_exception=False, headers=given)
        response = client.generic(method, path, body, content_type, HTTP_HOST="localhost")
        return Reply(
            status=response.status_code,
            json=json.loads(response.content),
            headers=response.headers,
        )
