"""The address that a request comes from, with or without a proxy.

Exactly one proxy counts: the one that connects to Cueline. The last entry of a header is its own;
anybody may write the others. Headers of a peer outside `TRUSTED_PROXIES` are ignored.
"""

import ipaddress
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from config.http.environ import UNREADABLE

FORWARDED_FOR = "HTTP_X_FORWARDED_FOR"
FORWARDED_PROTO = "HTTP_X_FORWARDED_PROTO"
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# `[2001:db8::1]`, `[2001:db8::1]:443` and `203.0.113.5:51234`.
IN_BRACKETS = re.compile(r"\[([^\]]*)\](?::[0-9]+)?")
WITH_PORT = re.compile(r"([^:]*):[0-9]+")


def client_ip(request: HttpRequest) -> str:
    """Return the caller's address: what the proxy wrote, else the peer's; "" if none is known."""
    return str(address_of(request.META) or "")


def address_of(environ: Mapping[str, Any]) -> Address | None:
    """Return the same of a WSGI environment."""
    written = _written_by_proxy(environ, FORWARDED_FOR)
    return parse(written) or parse(str(environ.get("REMOTE_ADDR", "")))


@lru_cache(maxsize=1024)
def parse(text: str) -> Address | None:
    """Return the address in one entry of a header, without brackets, port and zone."""
    text = text.strip().strip('"')
    match = IN_BRACKETS.fullmatch(text) or WITH_PORT.fullmatch(text)
    try:
        address = ipaddress.ip_address((match[1] if match else text).partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


class ForwardedSchemeMiddleware:
    """Believes the proxy that a request came by https."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if _written_by_proxy(request.META, FORWARDED_PROTO) == "https":
            request.META["wsgi.url_scheme"] = "https"
        return self.get_response(request)


def is_unreadable(environ: Mapping[str, Any]) -> bool:
    """Tell whether what the proxy wrote is lost, because what it was appended to is not ASCII."""
    lost = environ.get(UNREADABLE, frozenset())
    return not lost.isdisjoint((FORWARDED_FOR, FORWARDED_PROTO)) and _is_from_proxy(environ)


def _written_by_proxy(environ: Mapping[str, Any], header: str) -> str:
    """Return the last entry of a header, "" if the peer is no proxy of ours."""
    if header not in environ or not _is_from_proxy(environ):
        return ""
    return str(environ[header]).rpartition(",")[2].strip()


def _is_from_proxy(environ: Mapping[str, Any]) -> bool:
    if not settings.BEHIND_PROXY:
        return False
    peer = parse(str(environ.get("REMOTE_ADDR", "")))
    return peer is not None and any(peer in network for network in settings.TRUSTED_PROXIES)
