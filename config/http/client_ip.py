"""Whose address a request comes from, behind a proxy or not."""

from django.conf import settings
from django.http import HttpRequest


def client_ip(request: HttpRequest) -> str:
    """Return the address of the caller, or of the proxy's caller when there is a proxy.

    Of `X-Forwarded-For` the last entry counts: the proxy wrote it, the ones before it anybody may.
    """
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "") if settings.BEHIND_PROXY else ""
    last: str = forwarded.rpartition(",")[2].strip()
    return last or str(request.META.get("REMOTE_ADDR", ""))
