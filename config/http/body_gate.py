"""Refuses bodies that are too large or compressed before anything reads them."""

from collections.abc import Callable, Mapping
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from config.http import errors

Answer = Callable[[HttpRequest], HttpResponse]


class BodyGateMiddleware:
    """413 for a body over MAX_BODY_BYTES, 415 for a compressed one, on API paths.

    Bodies without a length have one here: `config.http.chunked` has read them, or has marked the
    request as too large.
    """

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path.startswith(errors.API_PREFIX):
            return self.get_response(request)
        if self._is_too_large(request):
            message = f"The body is larger than {settings.MAX_BODY_BYTES} bytes."
            return errors.error_response(
                request, status=413, code="PAYLOAD_TOO_LARGE", message=message
            )
        encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
        if encoding not in {"", "identity"}:
            message = "Compressed bodies are refused: send the JSON as it is."
            return errors.error_response(
                request, status=415, code="UNSUPPORTED_MEDIA_TYPE", message=message
            )
        return self.get_response(request)

    @staticmethod
    def _is_too_large(request: HttpRequest) -> bool:
        is_over = declared_length(request.META) > settings.MAX_BODY_BYTES
        return is_over or bool(request.META.get("cueline.body_too_large"))


def declared_length(environ: Mapping[str, Any]) -> int:
    """Return the length that a request declares for its body; 0 if it is missing or no number."""
    # Twenty digits are beyond any limit; zeros before them are legal and change nothing.
    digits = (environ.get("CONTENT_LENGTH") or "").lstrip("0")[:20]
    return int(digits) if digits.isdecimal() else 0
