"""The step `webhook`: calls a URL, signed."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, Literal, Self

import msgspec

from events.egress import targets
from events.language.fields import Fields, read_storable, text_reader
from events.language.given import plain
from events.language.placed_tags import has_tag
from events.language.steps.kinds.base import BaseStep
from subscribers.templating import mail, merge_tags
from subscribers.wire.payloads import InvalidField, read_text, type_name

METHODS = ("POST", "GET", "PUT", "PATCH", "DELETE")
MOST_HEADERS = 20
LONGEST_HEADER = 2048
MOST_BODY_BYTES = 64 * 1024
DEEPEST_BODY = 20
# They follow from the call, or say that it is ours.
OWN_HEADERS = frozenset({
    "host", "connection", "content-length", "transfer-encoding", "te", "trailer", "upgrade",
    "keep-alive", "expect", "webhook-id", "webhook-timestamp", "webhook-signature",
})  # fmt: skip
OWN_PREFIXES = ("cueline-", "proxy-")
# RFC 9110, 5.6.2: a token.
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}", re.ASCII)
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")
# Scheme, host and port: what comes before the path.
_ORIGIN = re.compile(r"[^/?#]*//[^/?#]*|[^/?#]*")

# The wire's fields that may hold secrets of the receiver: hidden from everybody who reads a step,
# and from those who may not edit it.
SECRET, SECRET_TO_READERS = ("headers",), ("headers", "url", "body")
MASK = "•••"


class WebhookStep(BaseStep, frozen=True):
    """Calls a URL, signed; `on_error` applies when it fails for good.

    The URL's path and query, the headers' values and the texts in the body are templates. `body`
    is JSON; "" sends what `webhooks` says about the person.
    """

    kind: ClassVar = "webhook"

    url: str
    method: Literal["POST", "GET", "PUT", "PATCH", "DELETE"] = "POST"
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    body: str = ""
    on_error: Literal["fail", "continue", "exit"] = "fail"

    @classmethod
    def read(cls, fields: Fields) -> Self:
        nothing: dict[str, str] = {}
        return cls(
            url=fields.read_needed("url", text_reader(targets.LONGEST_URL), ""),
            method=fields.read_choice("method", METHODS, "POST"),
            headers=fields.read("headers", _read_headers, nothing),
            body=fields.read("body", _read_body, ""),
            on_error=fields.read_choice("onError", ("fail", "continue", "exit"), "fail"),
        )

    def check_sent(self, fields: Fields) -> None:
        """Keep the faults of what can never be called. The service refuses http and private
        addresses where the setting does not permit them; `egress` checks again at each call.
        """
        if self.url:
            _check(fields, "url", partial(self.check_url, allow_private=True))
        for name, value in self.headers.items():
            _check(fields, f"headers.{name}", partial(mail.check, value))
        for text in texts_in(self.parsed_body()):
            _check(fields, "body", partial(mail.check, text))
        if self.body and self.method == "GET":
            fields.fault("body", "is not sent with GET.")

    def check_url(self, *, allow_private: bool) -> None:
        """Raise `UnsafeAddress` or `TemplateFault` for a URL that can never be called."""
        origin, rest = self.url_parts()
        if has_tag(origin):
            raise targets.UnsafeAddress("may have merge tags in its path and query only.")
        mail.check(rest)
        blank = merge_tags.render_url(rest, {})
        targets.check_url(origin + blank, allow_private=allow_private)

    def url_parts(self) -> tuple[str, str]:
        """Return scheme, host and port, and then the path and query, which is a template."""
        origin = _ORIGIN.match(self.url)
        end = origin.end() if origin else 0
        return self.url[:end], self.url[end:]

    def parsed_body(self) -> Any:  # noqa: ANN401 - JSON
        return json.loads(self.body) if self.body else None

    @property
    def templates(self) -> Sequence[str]:
        """The texts with merge tags of its call."""
        return (self.url_parts()[1], *self.headers.values(), *texts_in(self.parsed_body()))


def masked(field: str, value: Any) -> Any:  # noqa: ANN401 - JSON
    """Return what may be seen of a secret field's value: a URL's host, and the headers' names."""
    match field:
        case "url":
            return masked_url(value)
        case "headers":
            return dict.fromkeys(value, MASK)
        case _:
            return MASK


def masked_url(url: str) -> str:
    """Return a URL's scheme, host and port: its path and query may be secrets of the receiver."""
    origin = _ORIGIN.match(url)
    end = origin.end() if origin else 0
    return url if url[end:] in {"", "/"} else f"{url[:end]}/{MASK}"


def texts_in(value: Any) -> Iterator[str]:  # noqa: ANN401 - JSON
    """Yield the texts that hold merge tags, at any depth."""
    if isinstance(value, str):
        if has_tag(value):
            yield value
    elif isinstance(value, list | dict):
        for each in value.values() if isinstance(value, dict) else value:
            yield from texts_in(each)


def _check(fields: Fields, name: str, check: Callable[[], object]) -> None:
    try:
        check()
    except targets.UnsafeAddress as error:
        fields.fault(name, error.problem)
    except mail.TemplateFault as error:
        fields.fault(name, str(error))


def _read_headers(value: object) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise InvalidField(f"must be an object, not {type_name(value)}.")
    if len(value) > MOST_HEADERS:
        raise InvalidField(f"has {len(value)} headers; at most {MOST_HEADERS} are allowed.")
    found: dict[str, str] = {}
    for name, given in value.items():
        folded = str(name).lower()
        if not isinstance(name, str) or not _HEADER_NAME.fullmatch(name):
            raise InvalidField("has a name that no header can have.")
        if folded in OWN_HEADERS or folded.startswith(OWN_PREFIXES):
            raise InvalidField(f"may not set {name}: Cueline does.")
        if folded in {each.lower() for each in found}:
            raise InvalidField(f"names {name} twice.")
        if not isinstance(given, str):
            raise InvalidField(f"{name} must be a string, not {type_name(given)}.")
        if _CONTROLS.search(given):
            raise InvalidField(f"{name} must be one line.")
        found[name] = read_text(given, longest=LONGEST_HEADER)
    return found


def _read_body(value: object) -> str:
    """Return JSON text; files may give an object or an array in its place."""
    given = plain(value)
    try:
        text = json.dumps(given, ensure_ascii=False) if isinstance(given, dict | list) else given
        text = read_storable(text)
        if not text.strip():
            return ""
        size = len(text.encode())
        if size > MOST_BODY_BYTES:
            raise InvalidField(f"has {size} bytes; at most {MOST_BODY_BYTES} are allowed.")
        parsed = json.loads(text, parse_constant=_refuse_constant)
        _check_shape(parsed)
    except (ValueError, TypeError, RecursionError) as error:
        if isinstance(error, InvalidField):
            raise
        message = "must be JSON; merge tags are allowed inside its texts only."
        raise InvalidField(message) from error
    return text


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def _check_shape(value: Any, depth: int = 0) -> None:  # noqa: ANN401 - JSON
    """Raise `InvalidField` for names with merge tags, and for what nests too deeply."""
    if depth > DEEPEST_BODY:
        raise InvalidField(f"nests more than {DEEPEST_BODY} levels.")
    if isinstance(value, dict):
        if any(map(has_tag, value)):
            raise InvalidField("has merge tags in a name; they are allowed in values only.")
        for each in value.values():
            _check_shape(each, depth + 1)
    elif isinstance(value, list):
        for each in value:
            _check_shape(each, depth + 1)
