"""The WSGI environment of a request, made of what granian's RSGI interface gives."""

import sys
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from granian.rsgi import Scope

_BASE: dict[str, Any] = {
    "SCRIPT_NAME": "",
    "SERVER_SOFTWARE": "granian",
    "wsgi.version": (1, 0),
    "wsgi.errors": sys.stderr,
    "wsgi.input_terminated": True,
    "wsgi.multithread": True,
    "wsgi.multiprocess": False,
    "wsgi.run_once": False,
}
_UNPREFIXED = {"content-type": "CONTENT_TYPE", "content-length": "CONTENT_LENGTH"}
# An entry of the environment: the entry sends the answer a second later, without a thread.
HELD_BACK = "cueline.held_back"
# Another one, where there are any: the keys of headers that are not ASCII.
UNREADABLE = "cueline.unreadable"
# Where headers land whose names must not be seen.
_DROPPED = ""


def environ_of(scope: "Scope") -> dict[str, Any]:
    """Return the environment without `wsgi.input`.

    Headers with `_` in their names are dropped: WSGI would give them the name of a header that the
    proxy sets. A value that is not ASCII is empty, and its name is in `UNREADABLE`: granian does
    not give it. Of a header in several lines it leaves such lines out, and nothing tells of them.
    """
    environ = _BASE.copy()
    headers: Any = scope.headers
    pairs = headers.items()
    values = dict(pairs)
    if len(values) != len(pairs) or len(values) != len(headers):
        lines = {name: headers.get_all(name) for name in headers.keys()}  # noqa: SIM118 - it is no dictionary
        values = {name: _joined(name, texts) for name, texts in lines.items()}
        environ[UNREADABLE] = {_key(name) for name, texts in lines.items() if not texts}
    for name, value in values.items():
        environ[_key(name)] = value
    environ.pop(_DROPPED, None)
    if "HTTP_HOST" not in environ:
        environ["HTTP_HOST"] = scope.authority or ""
    environ["SERVER_PROTOCOL"] = f"HTTP/{scope.http_version}"
    environ["REQUEST_METHOD"] = scope.method
    environ["PATH_INFO"] = _latin(scope.path)
    environ["QUERY_STRING"] = _latin(scope.query_string)
    environ["REMOTE_ADDR"] = _split(scope.client)[0]
    environ["SERVER_NAME"], environ["SERVER_PORT"] = _split(scope.server)
    environ["wsgi.url_scheme"] = scope.scheme
    return environ


@lru_cache(maxsize=512)
def _key(name: str) -> str:
    if "_" in name:
        return _DROPPED
    return _UNPREFIXED.get(name) or f"HTTP_{name.upper().replace('-', '_')}"


def _joined(name: str, values: list[str]) -> str:
    return (";" if name == "cookie" else ",").join(values)


def _latin(text: str) -> str:
    """Return the bytes of UTF-8 as the characters of Latin-1, as WSGI has them."""
    return text if text.isascii() else text.encode().decode("latin-1")


@lru_cache(maxsize=64)
def _split(address: str) -> tuple[str, str]:
    host, _, port = address.rpartition(":")
    return host.strip("[]"), port
