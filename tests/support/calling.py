"""Calls the API through all that a server would call, as an application would."""

import json
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes, urlsplit

from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.http.response import HttpResponseBase, ResponseHeaders
from django.test import RequestFactory

from config.http import refusals
from config.layers import layered
from subscribers.models import Workspace

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication

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
        called = application(is_express=settings.EXPRESS)
        return answer_of(called, method, path, body, headers=given)


def answer_of(
    called: "WSGIApplication", method: str, path: str, body: bytes, *, headers: dict[str, str]
) -> Reply:
    """Call a WSGI application, unless the web's entry refuses the request before."""
    given = {"Host": "localhost", **headers}
    content_type = given.pop("Content-Type", "")
    length = given.pop("Content-Length", str(len(body)))
    request = RequestFactory(headers=given).generic(method, path, body, content_type)
    request.environ["CONTENT_LENGTH"] = length
    # Making that request has decoded it already.
    request.environ["PATH_INFO"] = unquote_to_bytes(urlsplit(path).path).decode("latin-1")
    # Django's stand-in objects to whoever reads to the end.
    request.environ["wsgi.input"] = BytesIO(body)
    refusal = refusals.judge(request.environ)
    if refusal:
        status, sent_headers, content = refusals.answer(refusal, request.environ)
    else:
        said: list[Any] = []
        answer = called(request.environ, lambda *each: said.append(each))  # type: ignore[arg-type] # a list takes anything
        status, sent_headers = int(said[0][0].split()[0]), said[0][1]
        content = b"".join(answer)
    return Reply(
        status=status, json=json.loads(content), headers=ResponseHeaders(dict(sent_headers))
    )


class Django(WSGIHandler):
    """Django without the signals that close the database connection of a test."""

    def __call__(
        self, environ: dict[str, Any], start_response: "StartResponse"
    ) -> HttpResponseBase:
        """Answer as Django does."""
        response = self.get_response(WSGIRequest(environ))
        status = f"{response.status_code} {response.reason_phrase}"
        start_response(status, list(response.items()))
        return response


@cache
def application(*, is_express: bool) -> "WSGIApplication":
    """Return what a server calls; made once each way, since Django builds its middleware anew."""
    return layered(Django())
