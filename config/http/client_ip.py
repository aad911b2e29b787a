"""The address that a request comes from, with or without a proxy."""

from django.conf import settings
from django.http import HttpRequest


def client_ip(request: HttpRequest) -> str:
    """Return the address of the caller, or of the proxy's caller.

    Only the last entry of `X-Forwarded-For` counts: the proxy wrote it, anybody may write the
    others.
    """
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "") if settings.BEHIND_PROXY else ""
    last: str = forwarded.rpartition(",")[2].strip()
    return last or str(request.META.get("REMOTE_ADDR", ""))
