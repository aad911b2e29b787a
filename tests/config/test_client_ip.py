"""The address of a caller: parsed, and only what the configured proxy wrote."""

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from pytest_django.fixtures import Settings

from config.http.client_ip import ForwardedSchemeMiddleware, client_ip, is_unreadable
from config.http.environ import UNREADABLE

PROXY = "10.0.0.7"


@pytest.fixture(autouse=True)
def behind_proxy(settings: Settings) -> None:
    """The usual place in production."""
    settings.BEHIND_PROXY = True


def asked(*, peer: str = PROXY, forwarded: str = "", proto: str = "") -> HttpRequest:
    """Return a request with the headers of a proxy."""
    headers = {"X-Forwarded-For": forwarded, "X-Forwarded-Proto": proto}
    given = {name: text for name, text in headers.items() if text}
    return RequestFactory().get("/", REMOTE_ADDR=peer, headers=given)


def scheme_of(request: HttpRequest) -> str:
    """Return what the rest of the product takes for the scheme."""
    ForwardedSchemeMiddleware(lambda _: HttpResponse())(request)
    return str(request.scheme)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("203.0.113.5:51234", "203.0.113.5"),
        ("2001:db8::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("[fe80::1%25eth0]:443", "fe80::1"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ('"[2001:db8::1]:443"', "2001:db8::1"),
        ("  203.0.113.9  ", "203.0.113.9"),
        ("198.51.100.1, 203.0.113.9", "203.0.113.9"),
    ],
)
def test_an_address_is_read_in_every_form_that_proxies_write(header: str, expected: str) -> None:
    assert client_ip(asked(forwarded=header)) == expected


@pytest.mark.parametrize(
    "header",
    [
        "", "unknown", "_hidden", "203.0.113.9,", "203.0.113", "203.0.113.9:port", "[::1]x",
        "1.2.3.4.5", "https://203.0.113.9", "203.0.113.9/8", "\x00", "١٢٣.0.0.1", "[", ":",
        "9" * 999,
    ],
)  # fmt: skip
def test_what_is_no_address_gives_the_peer_s(header: str) -> None:
    assert client_ip(asked(forwarded=header)) == PROXY


def test_a_peer_without_an_address_gives_nothing() -> None:
    assert client_ip(asked(peer="")) == ""
    assert client_ip(asked(peer="unix:", forwarded="203.0.113.9")) == ""


def test_only_the_configured_proxy_s_headers_count(settings: Settings) -> None:
    stranger = asked(peer="198.51.100.1", forwarded="203.0.113.9", proto="https")

    assert client_ip(stranger) == "198.51.100.1"
    assert scheme_of(stranger) == "http"

    settings.BEHIND_PROXY = False

    assert client_ip(asked(forwarded="203.0.113.9")) == PROXY
    assert scheme_of(asked(proto="https")) == "http"


def test_a_header_that_the_server_does_not_give_is_the_callers_fault(settings: Settings) -> None:
    lost = {"HTTP_X_FORWARDED_FOR": "", UNREADABLE: {"HTTP_X_FORWARDED_FOR"}}

    assert is_unreadable({"REMOTE_ADDR": PROXY, **lost})
    assert not is_unreadable({"REMOTE_ADDR": PROXY, "HTTP_X_FORWARDED_FOR": ""})
    assert not is_unreadable({"REMOTE_ADDR": PROXY, UNREADABLE: {"HTTP_X_ODD"}})
    assert not is_unreadable({"REMOTE_ADDR": "198.51.100.1", **lost})
    settings.BEHIND_PROXY = False
    assert not is_unreadable({"REMOTE_ADDR": PROXY, **lost})


@pytest.mark.parametrize(
    ("header", "expected"),
    [("https", "https"), ("https, http", "http"), ("http, https", "https"), ("gopher", "http")],
)
def test_the_scheme_is_the_proxy_s_last_word(header: str, expected: str) -> None:
    assert scheme_of(asked(proto=header)) == expected
