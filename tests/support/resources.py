"""Calls to the resources of the API."""

import json
from typing import Any

from tests.support.calling import Caller, Reply

PEOPLE = "/api/v1/subscribers"


def send(caller: Caller, method: str, path: str, body: object = None, **headers: str) -> Reply:
    """Send JSON, or no body at all; `If_Match` is the header `If-Match`."""
    raw = b"" if body is None else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    types = {"Content-Type": "application/json"} if raw else {}
    return caller.send(method, path, raw, headers={**types, **named})


def done(reply: Reply) -> Any:
    """Return the body of an answer that must be a success."""
    assert reply.status == 200, reply.json
    assert reply.json["success"] is True
    return reply.json


def path_of_fault(reply: Reply) -> str:
    assert reply.status == 400, reply.json
    return str(reply.json["error"]["details"][0]["path"])
