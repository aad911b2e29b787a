"""What is refused by its headers alone, before a body is read."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from django.conf import settings

from config.http import client_ip
from config.http.errors import API_PREFIX, error_body
from config.http.request_log import note_answer, request_id_from
from config.http.security_headers import security_headers


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer of the entry itself; `code` is the contract's."""

    status: int
    code: str
    message: str


def judge(environ: Mapping[str, Any]) -> Refusal | None:
    """Return why a request is refused whatever its body says."""
    if declared_length(environ) > settings.MAX_BODY_BYTES:
        return too_large()
    if client_ip.is_unreadable(environ):
        # Else it would count as the proxy's own request, with everybody's limits.
        return Refusal(400, "VALIDATION_ERROR", "X-Forwarded-For or -Proto is not ASCII.")
    if environ["PATH_INFO"].startswith(API_PREFIX):
        encoding = environ.get("HTTP_CONTENT_ENCODING", "identity").strip().lower()
        if encoding not in {"", "identity"}:
            message = "Compressed bodies are refused: send the JSON as it is."
            return Refusal(415, "UNSUPPORTED_MEDIA_TYPE", message)
    return None


def too_large() -> Refusal:
    message = f"The body is larger than {settings.MAX_BODY_BYTES} bytes."
    return Refusal(413, "PAYLOAD_TOO_LARGE", message)


def declared_length(environ: Mapping[str, Any]) -> int:
    """Return the length that a request declares for its body; 0 if it is missing or no number."""
    # Twenty digits are beyond any limit; zeros before them are legal and change nothing.
    digits = (environ.get("CONTENT_LENGTH") or "").lstrip("0")[:20]
    return int(digits) if digits.isdecimal() else 0


def answer(
    refusal: Refusal, environ: Mapping[str, Any]
) -> tuple[int, list[tuple[str, str]], bytes]:
    """Return status, headers and content. The connection closes: its body was not read."""
    started = time.perf_counter()
    request_id = request_id_from(environ.get("HTTP_X_REQUEST_ID", ""))
    content_type = "text/plain; charset=utf-8"
    content = refusal.message.encode()
    if environ["PATH_INFO"].startswith(API_PREFIX):
        body = error_body(code=refusal.code, message=refusal.message, request_id=request_id)
        content_type, content = "application/json; charset=utf-8", msgspec.json.encode(body)
    headers = [
        ("Content-Type", content_type),
        ("X-Request-Id", request_id),
        ("Connection", "close"),
        *security_headers(),
    ]
    if refusal.status == 503:  # noqa: PLR2004 - Service Unavailable
        headers.append(("Retry-After", "1"))
    method = str(environ["REQUEST_METHOD"])
    note_answer(
        method=method,
        route="(no route)",
        status=refusal.status,
        seconds=time.perf_counter() - started,
        request_id=request_id,
        caller={},
    )
    return refusal.status, headers, content
