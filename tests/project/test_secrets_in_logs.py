"""No key, token or password reaches a log line; ids stand for addresses."""

import logging

import pytest
from django.http import HttpRequest, HttpResponse
from django.urls import path

from config import logs
from config.urls import urlpatterns as real_urlpatterns
from tests.support.calling import ACCOUNT, BULK, Caller


def fail_with_a_key(request: HttpRequest) -> HttpResponse:
    """Raise with the caller's key in a local and in the message, as careless code would."""
    header = request.headers["Authorization"]
    raise RuntimeError(f"cannot work with {header}")


urlpatterns = [*real_urlpatterns, path("api/v1/fails", fail_with_a_key)]
handler500 = "config.http.errors.server_error"


def written(caplog: pytest.LogCaptureFixture) -> str:
    """Return what both formatters make of everything that was logged."""
    formatters: list[logging.Formatter] = [logs.PlainFormatter(), logs.JsonFormatter()]
    return "\n".join(each.format(record) for each in formatters for record in caplog.records)


def test_requests_leave_neither_key_nor_address_in_the_log(
    caller: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    caller.bulk({"name": "a"}, {"name": ""}, email="someone@example.com")
    caller.bulk({"name": "a"}, externalId="nobody")
    caller.post(BULK, b"{")
    caller.get(ACCOUNT)
    caller.get(f"/api/v1/subscribers/someone@example.com?key={caller.key}")

    lines = written(caplog)
    assert "events-bulk 207" in lines
    assert caller.key not in lines
    assert caller.key.rpartition("_")[2] not in lines
    request_lines = [r.getMessage() for r in caplog.records if r.name == "cueline.request"]
    assert len(request_lines) == 5
    assert not any("someone@" in line for line in request_lines)


@pytest.mark.urls("tests.project.test_secrets_in_logs")
def test_an_unexpected_exception_is_logged_without_the_key_and_answered_as_internal(
    caller: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    reply = caller.get("/api/v1/fails")

    assert reply.status == 500
    assert reply.code == "INTERNAL"
    assert caller.key not in str(reply.json)
    lines = written(caplog)
    assert "RuntimeError" in lines
    assert caller.key not in lines
    assert caller.key.rpartition("_")[2] not in lines
