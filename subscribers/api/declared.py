"""Calls as they were declared (`calls`), and their part of the OpenAPI document."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from django.http import HttpResponse
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from msgspec import Struct

from subscribers.api import inputs, openapi
from subscribers.api.inputs import Inputs, Schema
from subscribers.models.api_key import Scope

REFERENCE = "#/components/schemas/{name}"


@dataclass(frozen=True, slots=True, eq=False)
class InPath:
    """How a part of the path is read, as the metadata of a type; `reader` raises coded errors."""

    reader: Callable[[str], Any]
    schema: Schema


class FromView:
    """The metadata of an argument that `ResourceView.addressed` makes of all parts of the path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call as it was declared."""

    name: str
    scope: Scope
    does_write: bool
    is_atomic: bool
    answers: type[Struct]
    body: type[Inputs] | None
    query: type[Inputs] | None
    path: Mapping[str, InPath]
    # The argument that is the view's own, if there is one.
    addressed: str = ""


CALLS: list[Call] = []


def components() -> dict[str, Any]:
    """Return the schemas of all bodies and answers of declared calls by their names."""
    shapes = {call.answers for call in CALLS}
    _, schemas = msgspec.json.schema_components(
        sorted(shapes, key=lambda each: each.__name__), ref_template=REFERENCE
    )
    for schema in schemas.values():
        _always_there(schema)
    bodies = {call.body for call in CALLS if call.body}
    return schemas | {each.__name__: inputs.schema_of(each) for each in bodies}


def _always_there(schema: dict[str, Any]) -> None:
    """A field with a default is always in an answer; only one that is `UNSET` may be absent."""
    fields = schema.get("properties", {})
    needed = schema.get("required", [])
    schema["required"] = [name for name in fields if name in needed or "default" in fields[name]]
    for field in fields.values():
        field.pop("default", None)


def _reference(kind: type) -> dict[str, str]:
    return {"$ref": REFERENCE.format(name=kind.__name__)}


def described(
    answer: Callable[..., HttpResponse],
    call: Call,
    summary: str,
    description: str,
    example: Mapping[str, Any] | None,
) -> Callable[..., HttpResponse]:
    """Add a call to the document; returns its method, which says so to the generator."""
    CALLS.append(call)
    parameters = [
        OpenApiParameter(name=name, type=each.schema, location=OpenApiParameter.PATH)
        for name, each in call.path.items()
    ]
    if call.query is not None:
        parameters += [
            OpenApiParameter(
                name=each.wire_name,
                type=each.query_schema,
                location=OpenApiParameter.QUERY,
                required=each.is_needed,
            )
            for each in call.query.fields
        ]
    if call.does_write:
        is_repeatable = answer.__name__ == "post"
        parameters.append(openapi.IDEMPOTENCY_KEY if is_repeatable else openapi.IF_MATCH)
    body = _reference(call.body) if call.body else None
    examples = [OpenApiExample(summary, dict(example), request_only=True)] if example else []
    found: Callable[..., HttpResponse] = extend_schema(
        summary=summary,
        description=description or summary,
        parameters=[*parameters, openapi.REQUEST_ID, *openapi.RATE_LIMIT_HEADERS],
        request={openapi.MEDIA_TYPE: body} if body else None,
        responses=openapi.answers(
            {200: ("Done.", _reference(call.answers))},
            errors=openapi.WRITING_ERRORS if call.does_write else openapi.READING_ERRORS,
        ),
        examples=examples,
    )(answer)
    return found
