"""The API's documentation: `/api/v1/openapi.json`, and `/api/docs/` for people.

Both are public: they hold no workspace's data.
"""

from functools import cache
from typing import Any

import msgspec
from csp.decorators import csp_replace
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.views import SpectacularSwaggerSplitView

from subscribers.api import declared
from subscribers.api.base import AlwaysJson
from subscribers.api.openapi import COMPONENTS


@require_safe
def openapi_json(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - Django gives it
    return HttpResponse(_encoded(), content_type="application/json; charset=utf-8")


@cache
def _encoded() -> bytes:
    return msgspec.json.encode(document())


def document() -> dict[str, Any]:
    described: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call] # untyped there
    components = described.setdefault("components", {})
    components["schemas"] = {**components.get("schemas", {}), **COMPONENTS, **declared.components()}
    for operations in described["paths"].values():
        for operation in operations.values():
            if "requestBody" in operation:
                # No call that takes a body takes an empty one.
                operation["requestBody"]["required"] = True
    return described


class _Pages(SpectacularSwaggerSplitView):
    template_name = "pages/api_docs.html"
    # It picks the first renderer, which is the page.
    content_negotiation_class = AlwaysJson
    http_method_names = ["get", "head"]  # noqa: RUF012 - Django declares it on the instance


# Stricter than the admin's, whose skin needs 'unsafe-eval'.
pages = csp_replace({"script-src": ["'self'"], "style-src": ["'self'"], "connect-src": ["'self'"]})(
    _Pages.as_view(url_name="openapi")
)
