"""The OpenAPI document: valid, complete, and true: its examples are answered as it says."""

import json
from typing import Any

import pytest
from django.test import Client
from drf_spectacular.validation import validate_schema
from jsonschema import Draft202012Validator

from subscribers.api.document import document
from tests.project.test_tenant_walk import DECLARED, WITHOUT_IDS
from tests.support.calling import ACCOUNT, BULK, Caller

JSON = "application/json"


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    """Return method, path and description of every call."""
    return [
        (method.upper(), path, operation)
        for path, by_method in document()["paths"].items()
        for method, operation in by_method.items()
    ]


def examples() -> list[Any]:
    """Return the requests of the calls that take events; `test_every_call` sends the others."""
    return [
        pytest.param(method, path, example["value"], id=f"{path}: {name}")
        for method, path, operation in operations()
        if path in WITHOUT_IDS and "requestBody" in operation
        for name, example in operation["requestBody"]["content"][JSON]["examples"].items()
    ]


def assert_fits(value: object, schema: dict[str, Any]) -> None:
    """Hold a value against a schema of the document."""
    whole = {**schema, "components": document()["components"]}
    problems = [error.message for error in Draft202012Validator(whole).iter_errors(value)]
    assert problems == []


def answer_schema(operation: dict[str, Any], status: int) -> dict[str, Any]:
    schema: dict[str, Any] = operation["responses"][str(status)]["content"][JSON]["schema"]
    return schema


def test_it_is_valid_openapi_3_1_and_served(client: Client) -> None:
    reply = client.get("/api/v1/openapi.json")

    assert reply.status_code == 200
    assert reply.json()["openapi"] == "3.1.0"
    validate_schema(reply.json())  # type: ignore[no-untyped-call] # untyped there


def test_it_has_every_route_with_the_key_that_it_needs() -> None:
    assert {path for _, path, _ in operations()} == WITHOUT_IDS | DECLARED
    assert all(operation["security"] == [{"apiKey": []}] for _, _, operation in operations())


@pytest.mark.django_db
@pytest.mark.parametrize(("method", "path", "body"), examples())
def test_each_example_is_answered_as_described(
    caller: Caller, method: str, path: str, body: dict[str, Any]
) -> None:
    caller.bulk({"name": "before"}, email="ada@example.com", externalId="user_1")
    (operation,) = [each for verb, at, each in operations() if (verb, at) == (method, path)]
    assert_fits(body, operation["requestBody"]["content"][JSON]["schema"])

    reply = caller.send(method, path, json.dumps(body).encode(), headers={"Content-Type": JSON})

    assert reply.status == 200
    assert_fits(reply.json, answer_schema(operation, 200))


def test_each_example_of_an_answer_fits_its_schema() -> None:
    count = 0
    for _, _, operation in operations():
        for status, answer in operation["responses"].items():
            for example in answer["content"][JSON].get("examples", {}).values():
                assert_fits(example["value"], answer_schema(operation, int(status)))
                count += 1
    assert count >= 4


@pytest.mark.django_db
def test_errors_partial_answers_and_dry_runs_are_as_described(caller: Caller) -> None:
    (bulk,) = [each for _, path, each in operations() if path == BULK]
    (account,) = [each for _, path, each in operations() if path == ACCOUNT]

    mixed = caller.bulk({"name": "good"}, {"name": 7})
    refused = caller.bulk({"name": 7})
    dry = caller.bulk({"name": "good"}, query="?dryRun=true")

    assert (mixed.status, refused.status, dry.status) == (207, 400, 200)
    assert_fits(mixed.json, answer_schema(bulk, 207))
    assert_fits(refused.json, answer_schema(bulk, 400))
    assert_fits(dry.json, answer_schema(bulk, 200))
    assert_fits(caller.get(ACCOUNT).json, answer_schema(account, 200))


def test_a_schema_that_is_not_met_is_noticed() -> None:
    (bulk,) = [each for _, path, each in operations() if path == BULK]

    with pytest.raises(AssertionError):
        assert_fits({"success": True, "subscriber": {}, "events": []}, answer_schema(bulk, 200))


@pytest.mark.parametrize("accept", ["text/html", "application/json", "*/*", "image/png"])
def test_the_pages_come_under_a_strict_policy(client: Client, accept: str) -> None:
    reply = client.get("/api/docs/", headers={"Accept": accept})

    assert reply.status_code == 200
    policy = reply.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "script-src 'self';" in f"{policy};"
    assert "https://" not in reply.text


def test_the_pages_take_no_other_method(client: Client) -> None:
    assert client.post("/api/docs/").status_code == 405
    assert client.post("/api/v1/openapi.json").status_code == 405
