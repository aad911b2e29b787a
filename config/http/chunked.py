"""Reads bodies that come without a length, so that Django sees them.

Django treats a request without Content-Length as empty (measured with granian). This WSGI layer
reads such a body to its end, bounded, and passes on a request with a length.
"""

from collections.abc import Callable, Iterable
from io import BytesIO
from typing import TYPE_CHECKING, Any

from django.conf import settings

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication

READ_SIZE = 64 * 1024


class BoundedBody:
    """A WSGI layer around the application; never holds more than MAX_BODY_BYTES + 64 KiB."""

    def __init__(self, application: "WSGIApplication") -> None:
        self.application = application

    def __call__(self, environ: dict[str, Any], start_response: "StartResponse") -> Iterable[bytes]:
        if "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower():
            body = _read_bounded(environ["wsgi.input"].read, limit=settings.MAX_BODY_BYTES)
            if body is None:
                environ["cueline.body_too_large"] = True
                body = b""
            environ["wsgi.input"] = BytesIO(body)
            environ["CONTENT_LENGTH"] = str(len(body))
        return self.application(environ, start_response)


def _read_bounded(read: Callable[[int], bytes], *, limit: int) -> bytes | None:
    pieces: list[bytes] = []
    total = 0
    while piece := read(READ_SIZE):
        total += len(piece)
        if total > limit:
            return None
        pieces.append(piece)
    return b"".join(pieces)
