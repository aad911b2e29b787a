"""Refuses bodies that are too large or compressed before anything reads them."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from config.http import errors

Answer = Callable[[HttpRequest], HttpResponse]


class BodyGateMiddleware:
    """413 for a body over MAX_BODY_BYTES, 415 for a compressed one, on API paths.

    Bodies without a length arrive here with one: `config.http.chunked` has read them, or has marked
    the request as too large.
    """

    def __init__(self, get_response: Answer) -> None:
        """Keep the next layer."""
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Let the request through or refuse it."""
        if not request.path.startswith(errors.API_PREFIX):
            return self.get_response(request)
        if self._is_too_large(request):
            return errors.error_response(
                request,
                status=413,
                code="PAYLOAD_TOO_LARGE",
                message=f"The body is larger than {settings.MAX_BODY_BYTES} bytes.",
            )
        encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
        if encoding not in {"", "identity"}:
            return errors.error_response(
                request,
                status=415,
                code="UNSUPPORTED_MEDIA_TYPE",
                message="Compressed bodies are refused: send the JSON as it is.",
            )
        return self.get_response(request)

    @staticmethod
    def _is_too_large(request: HttpRequest) -> bool:
        if request.META.get("cueline.body_too_large"):
            return True
        length = request.META.get("CONTENT_LENGTH") or "0"
        return length.isdecimal() and int(length[:20]) > settings.MAX_BODY_BYTES
