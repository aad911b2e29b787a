"""Where an outgoing call may go: a strict reading of URLs that users typed, and public addresses.

Two parsers must agree on the URL, and the host must be a plain name or a canonical IP address, so
that no later reader takes it for another (`0x7f.1`, `2130706433`, `https://a@b`). The list of
networks is our own: `ipaddress.is_global` differs between releases of Python.
"""

import ipaddress
import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from urllib.parse import urlsplit

from urllib3.util import Url, parse_url

LONGEST_URL = 2048
_LONGEST_HOST = 253  # RFC 1035, 2.3.4, as text.
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
# What browsers and inet_aton() read as a number is never a name (WHATWG URL, "ends in a number").
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)
_LOCAL_SUFFIXES = (".localhost", ".local", ".localdomain", ".internal", ".home.arpa")

# IANA's special-purpose registry (RFC 6890), multicast, and one address of a cloud.
_NOT_PUBLIC_4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16",
        "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16",
        "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        "168.63.129.16/32",  # Azure's own services, reached only from inside a machine.
    )
)  # fmt: skip
# All addresses routed on the Internet (RFC 4291, 2.4); fc00::/7, fe80::/10 and fec0::/10,
# ff00::/8 and ::1 do not.
_UNICAST_6 = IPv6Network("2000::/3")
_NOT_PUBLIC_6 = tuple(IPv6Network(text) for text in ("2001::/23", "2001:db8::/32", "3fff::/20"))
_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052; 64:ff9b:1::/48 (RFC 8215) is local: refused.


class UnsafeAddress(ValueError):
    """A URL that is not called; `problem` goes after the name of its field."""

    code = "UNSAFE_ADDRESS"

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(f"The URL {problem}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    is_tls: bool
    # A name in its ASCII form, in lower case, or an IP address without brackets.
    host: str
    # Whether `host` is an address, which needs no resolver.
    is_address: bool
    port: int
    # Path and query, percent-encoded.
    path: str


def check_url(url: str, *, allow_private: bool = False) -> None:
    """Raise `UnsafeAddress` for a URL that no resolver's answer could make callable."""
    parse(url, allow_private=allow_private)


def parse(url: str, *, allow_private: bool) -> Target:
    """Return the target of a URL, or raise `UnsafeAddress`. Asks no resolver.

    `allow_private` permits http, local names and addresses that are not public.
    """
    scheme = url[: len("https://")].partition("://")[0].lower()
    if scheme != "https" and not (allow_private and scheme == "http"):
        raise UnsafeAddress("must begin with https://.")
    read, host = _read_twice(url)
    if not host:
        raise UnsafeAddress("names no host.")
    if read.port == 0:
        raise UnsafeAddress("names port 0; ports go from 1 to 65535.")
    address = _read_address(host)
    if address is None:
        _check_name(host, allow_private=allow_private)
    elif not (allow_private or is_public(address)):
        raise UnsafeAddress("names an address that is not public.")
    is_tls = scheme == "https"
    return Target(
        is_tls=is_tls,
        host=host,
        is_address=address is not None,
        port=read.port or (443 if is_tls else 80),
        path=read.request_uri,
    )


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Return whether an address is on the public Internet, through all known tunnels."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC_4)
    carried = _carried_addresses(address)
    if carried:
        return all(map(is_public, carried))
    return address in _UNICAST_6 and not any(address in network for network in _NOT_PUBLIC_6)


def _carried_addresses(address: IPv6Address) -> tuple[IPv4Address, ...]:
    """Return the IPv4 addresses within an IPv6 address: mapped, NAT64, 6to4, Teredo."""
    if address.ipv4_mapped:
        return (address.ipv4_mapped,)
    if address in _NAT64:
        return (IPv4Address(int(address) & 0xFFFF_FFFF),)
    if address.sixtofour:
        return (address.sixtofour,)
    return address.teredo or ()


def _read_twice(url: str) -> tuple[Url, str]:
    """Return the URL and its host, if two parsers agree on them."""
    if len(url) > LONGEST_URL:
        raise UnsafeAddress(f"has {len(url)} characters; at most {LONGEST_URL} are allowed.")
    if not url.isprintable() or " " in url or "\\" in url:
        raise UnsafeAddress("holds a space, a backslash or a control character.")
    try:
        split = urlsplit(url)
        name = split.hostname or ""
        read = parse_url(url)
        # The second parser returns the ASCII form; it must agree on the first one's name.
        again = parse_url(f"https://[{name}]/" if ":" in name else f"https://{name}/")
        parts = (split.scheme, split.port)
    except ValueError as error:  # urllib3 raises a subclass of it.
        raise UnsafeAddress("is not a valid URL.") from error
    if "@" in split.netloc or read.auth is not None:
        raise UnsafeAddress("must not hold a user name or password.")
    if parts != (read.scheme or "", read.port) or again.host != read.host or "%" in name:
        raise UnsafeAddress("is not a valid URL.")
    return read, (read.host or "").removeprefix("[").removesuffix("]")


def _read_address(host: str) -> IPv4Address | IPv6Address | None:
    """Return the host's IP address if it is one in canonical form, else None."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _check_name(host: str, *, allow_private: bool) -> None:
    labels = host.split(".")
    if (
        len(host) > _LONGEST_HOST
        or not all(_LABEL.fullmatch(label) for label in labels)
        or _NUMBER.fullmatch(labels[-1])
    ):
        raise UnsafeAddress("names a host that is neither a domain nor a plain IP address.")
    is_local = len(labels) == 1 or host.endswith(_LOCAL_SUFFIXES)
    if is_local and not allow_private:
        raise UnsafeAddress("names a host that is not on the Internet.")
