"""What the views see of a request, made of what the server gives."""

from dataclasses import dataclass

import pytest

from config.http.environ import UNREADABLE, environ_of


class Headers:
    """Headers as the server gives them: names in lower case, only ASCII values."""

    def __init__(self, *pairs: tuple[str, str | None]) -> None:
        """Keep the pairs; None stands for a value that is not ASCII."""
        self.pairs = pairs

    def items(self) -> list[tuple[str, str]]:
        return [(name, value) for name, value in self.pairs if value is not None]

    def keys(self) -> list[str]:
        return list(dict(self.pairs))

    def get_all(self, name: str) -> list[str]:
        return [value for each, value in self.items() if each == name]

    def __len__(self) -> int:
        return len(self.keys())


@dataclass
class Scope:
    """A request as the server gives it."""

    headers: Headers
    http_version: str = "1.1"
    method: str = "POST"
    path: str = "/"
    query_string: str = ""
    client: str = "127.0.0.1:51234"
    server: str = "127.0.0.1:8000"
    scheme: str = "http"
    authority: str | None = None


def made(*pairs: tuple[str, str | None], **more: str) -> dict[str, object]:
    return environ_of(Scope(Headers(*pairs), **more))  # type: ignore[arg-type] # the server's own class cannot be made


def test_names_and_values_of_headers() -> None:
    environ = made(("host", "a"), ("content-type", "b"), ("x-request-id", "c"), ("cookie", "d=1"))

    assert environ["HTTP_HOST"] == "a"
    assert environ["CONTENT_TYPE"] == "b"
    assert environ["HTTP_X_REQUEST_ID"] == "c"
    assert "HTTP_CONTENT_TYPE" not in environ


def test_a_name_with_an_underscore_never_stands_for_the_proper_one() -> None:
    environ = made(
        ("host", "a"),
        ("x-forwarded-for", "203.0.113.9"),
        ("x_forwarded_for", "1.1.1.1"),
        ("content_length", "5"),
    )

    assert environ["HTTP_X_FORWARDED_FOR"] == "203.0.113.9"
    assert "CONTENT_LENGTH" not in environ
    assert "" not in environ


def test_headers_that_come_twice_are_joined_and_odd_values_are_empty() -> None:
    environ = made(
        ("cookie", "a=1"),
        ("cookie", "b=2"),
        ("x-forwarded-for", "1"),
        ("x-forwarded-for", "2"),
        ("idempotency-key", None),
    )

    assert environ["HTTP_COOKIE"] == "a=1;b=2"
    assert environ["HTTP_X_FORWARDED_FOR"] == "1,2"
    assert environ["HTTP_IDEMPOTENCY_KEY"] == ""
    assert environ[UNREADABLE] == {"HTTP_IDEMPOTENCY_KEY"}
    assert environ["HTTP_HOST"] == ""


@pytest.mark.parametrize(
    ("address", "host"),
    [("127.0.0.1:1", "127.0.0.1"), ("[::1]:1", "::1"), ("/run/web.sock", ""), ("", "")],
)
def test_the_peer_s_address(address: str, host: str) -> None:
    assert made(client=address)["REMOTE_ADDR"] == host


def test_paths_are_bytes_as_latin_1() -> None:
    environ = made(path="/é", query_string="ü")

    assert (environ["PATH_INFO"], environ["QUERY_STRING"]) == ("/\xc3\xa9", "\xc3\xbc")


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_the_version_of_http_is_what_the_caller_spoke(version: str) -> None:
    environ = environ_of(Scope(Headers(), http_version=version))  # type: ignore[arg-type]  # quacks like it

    assert environ["SERVER_PROTOCOL"] == f"HTTP/{version}"
