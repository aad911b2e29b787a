"""Maps errors of services and of the framework to the contract's errors.

A service's error has a stable `code`; only this module knows its status.
"""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from rest_framework import exceptions

from config.database import RETRY_AFTER_SECONDS, is_away
from config.http.errors import Detail, error_body, json_response, request_id_of
from subscribers.wire.payloads import InvalidRequest

STATUS_BY_CODE = {
    "INVALID_JSON": 400, "VALIDATION_ERROR": 400, "UNAUTHORIZED": 401, "FORBIDDEN": 403,
    "SUBSCRIBER_NOT_FOUND": 404, "NOT_FOUND": 404, "METHOD_NOT_ALLOWED": 405,
    "IDENTITY_CONFLICT": 409, "CONFLICT": 409, "IDEMPOTENCY_IN_PROGRESS": 409,
    "PRECONDITION_FAILED": 412, "PAYLOAD_TOO_LARGE": 413, "UNSUPPORTED_MEDIA_TYPE": 415,
    "IDEMPOTENCY_MISMATCH": 422, "RATE_LIMITED": 429, "INTERNAL": 500, "UNAVAILABLE": 503,
}  # fmt: skip


class ApiError(Exception):
    def __init__(self, code: str, message: str, *, headers: dict[str, str] | None = None) -> None:
        self.code = code
        self.headers = headers or {}
        super().__init__(message)


def answer_exception(error: Exception, context: dict[str, Any]) -> HttpResponse | None:
    """Return the error's response; None for an unexpected error, which ends as a logged 500."""
    request: HttpRequest = context["request"]
    if isinstance(error, InvalidRequest):
        details = [Detail(fault.path, fault.message) for fault in error.faults]
        return _answer(request, error.code, _summary(details), details=details)
    if is_away(error):
        return _unavailable(request, "The database is not available.", outcome="")
    found = _translate(error, context)
    code = getattr(found, "code", None)
    if code == "UNAVAILABLE":
        return _unavailable(request, str(found), outcome=getattr(found, "outcome", ""))
    if code not in STATUS_BY_CODE:
        return None
    headers = dict(getattr(found, "headers", {}))
    if hasattr(found, "retry_after"):
        headers["Retry-After"] = str(found.retry_after)
    return _answer(request, code, str(found), headers=headers)


def _translate(error: Exception, context: dict[str, Any]) -> Exception:
    """Return the framework's errors as ours, any other unchanged."""
    match error:
        case exceptions.NotAuthenticated() | exceptions.AuthenticationFailed():
            return ApiError(
                "UNAUTHORIZED", str(error.detail), headers={"WWW-Authenticate": "Bearer"}
            )
        case exceptions.PermissionDenied():
            return ApiError("FORBIDDEN", str(error.detail))
        case exceptions.MethodNotAllowed():
            allowed = ", ".join(context["view"].allowed_methods)
            message = f"{context['request'].method} is not allowed here; use {allowed}."
            return ApiError("METHOD_NOT_ALLOWED", message, headers={"Allow": allowed})
        case Http404():
            return ApiError("NOT_FOUND", "This workspace has nothing with this id.")
    return error


def _answer(
    request: HttpRequest,
    code: str,
    message: str,
    *,
    details: list[Detail] | None = None,
    headers: dict[str, str] | None = None,
) -> HttpResponse:
    body = error_body(
        code=code, message=message, request_id=request_id_of(request), details=details or ()
    )
    response = json_response(body, status=STATUS_BY_CODE[code])
    for name, value in (headers or {}).items():
        response[name] = value
    return response


def _unavailable(request: HttpRequest, message: str, *, outcome: str) -> HttpResponse:
    body = error_body(code="UNAVAILABLE", message=message, request_id=request_id_of(request))
    response = json_response({**body, "outcome": outcome} if outcome else body, status=503)
    response["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response


def _summary(details: list[Detail]) -> str:
    first = f"{details[0].path} {details[0].message}".strip()
    more = len(details) - 1
    return first if not more else f"{first} ({more} more, see details.)"
