"""The only shape of an error on the wire; Django's own errors under `/api/` have it too."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.views import defaults

API_PREFIX = "/api/"


@dataclass(frozen=True, slots=True)
class Detail:
    """One fault: its place (`events[3].name`), and a sentence that names fault and limit."""

    path: str
    message: str


def request_id_of(request: HttpRequest) -> str:
    return str(request.META.get("cueline.request_id", ""))


def json_response(body: object, *, status: int = 200) -> HttpResponse:
    return HttpResponse(
        msgspec.json.encode(body), status=status, content_type="application/json; charset=utf-8"
    )


def error_body(
    *, code: str, message: str, request_id: str, details: Sequence[Detail] = ()
) -> dict[str, object]:
    """Return the error object of the contract; `details` is absent if there are none."""
    error: dict[str, object] = {"code": code, "message": message}
    if details:
        error["details"] = [{"path": each.path, "message": each.message} for each in details]
    return {"success": False, "error": error, "requestId": request_id}


def error_response(request: HttpRequest, *, status: int, code: str, message: str) -> HttpResponse:
    body = error_body(code=code, message=message, request_id=request_id_of(request))
    return json_response(body, status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer Django's 400s, such as a host name that is not allowed."""
    if not request.path.startswith(API_PREFIX):
        return defaults.bad_request(request, exception)
    message = (
        "This host name is not served here: see the setting ALLOWED_HOSTS."
        if isinstance(exception, DisallowedHost)
        else "The request cannot be read."
    )
    return error_response(request, status=400, code="VALIDATION_ERROR", message=message)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    if not request.path.startswith(API_PREFIX):
        return defaults.permission_denied(request, exception)
    return error_response(request, status=403, code="FORBIDDEN", message="Not allowed.")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if not request.path.startswith(API_PREFIX):
        return defaults.page_not_found(request, exception)
    ends = " No path of the API ends with a slash." if request.path.endswith("/") else ""
    message = f"There is nothing at this path.{ends}"
    return error_response(request, status=404, code="NOT_FOUND", message=message)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer an unexpected exception; the log has it under the request's id."""
    if not request.path.startswith(API_PREFIX):
        return defaults.server_error(request)
    message = "Something failed on our side."
    return error_response(request, status=500, code="INTERNAL", message=message)
