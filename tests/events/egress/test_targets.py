"""Which URLs are called at all, and which addresses are public."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from events.egress import calls as egress
from events.egress import targets


def public(text: str) -> bool:
    return targets.is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example.com", "https://hooks.example.com:8443/a?b=c#d", "HTTPS://Example.COM/",
        "https://bücher.example.com/x", "https://8.8.8.8/", "https://[2606:4700::1111]/",
        "https://xn--bcher-kva.de/ü?q=ü", "https://a.1x.io/", "https://example.com:/",
    ],
)  # fmt: skip
def test_a_usual_https_url_may_be_called(url: str) -> None:
    egress.check_url(url)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://example.com/", "must begin with https://."),
        ("ftp://example.com/", "must begin with https://."),
        ("file:///etc/passwd", "must begin with https://."),
        ("//example.com/", "must begin with https://."),
        ("", "must begin with https://."),
        ("https:///path", "names no host."),
        ("https://", "names no host."),
        ("https://user@example.com/", "must not hold a user name or password."),
        ("https://a:b@example.com/", "must not hold a user name or password."),
        ("https://example.com@127.0.0.1/", "must not hold a user name or password."),
        ("https://@example.com/", "must not hold a user name or password."),
        ("https://example.com:0/", "names port 0; ports go from 1 to 65535."),
        ("https://example.com:65536/", "is not a valid URL."),
        ("https://example.com:x/", "is not a valid URL."),
        ("https://example.com:-1/", "is not a valid URL."),
        ("https://[::1/", "is not a valid URL."),
        ("https://[fe80::1%25eth0]/", "is not a valid URL."),
        ("https://ex\u2100mple.com/", "is not a valid URL."),
        ("https://\uff11\uff12\uff17.0.0.1/", "is not a valid URL."),
        ("https://example.com\\@127.0.0.1/", "holds a space, a backslash or a control character."),
        ("https://exa mple.com/", "holds a space, a backslash or a control character."),
        (" https://example.com/", "must begin with https://."),
        ("example.com/path", "must begin with https://."),
        ("https:example.com", "must begin with https://."),
        ("javascript:alert(1)//https://", "must begin with https://."),
        ("https://exa\tmple.com/", "holds a space, a backslash or a control character."),
        ("https://example.com/\r\nX: y", "holds a space, a backslash or a control character."),
        ("https://example.com/\ud800", "holds a space, a backslash or a control character."),
        ("https://example.com/" + "x" * 2048, "has 2068 characters; at most 2048 are allowed."),
    ],
)
def test_a_url_of_another_shape_is_refused_with_what_is_wrong(url: str, problem: str) -> None:
    with pytest.raises(egress.UnsafeAddress) as refusal:
        egress.check_url(url)

    assert refusal.value.problem == problem
    assert str(refusal.value) == f"The URL {problem}"
    assert refusal.value.code == "UNSAFE_ADDRESS"


@pytest.mark.parametrize(
    "host",
    [
        "2130706433", "0x7f.1", "0x7f000001", "0177.0.0.1", "127.1", "127.0.0.1", "0", "0.0.0.1",
        "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]", "[64:ff9b:1::808:808]",
        "[::1]",
        "[::]", "[fc00::1]", "[fe80::1]", "[fec0::1]", "[ff02::1]", "[2002:7f00:1::]", "10.0.0.1",
        "169.254.169.254", "192.168.1.1", "100.100.100.200", "192.0.0.192", "168.63.129.16",
        "localhost", "foo.localhost", "printer.local", "metadata.google.internal",
        "router.home.arpa",
        "intranet", "example.com.", "127.0.0.1.", "a..example.com", ".example.com",
        "-a.example.com", "a_b.example.com", "example.0x1", "1.2.3", "1.2.3.4.5", "256.1.1.1",
        "x" * 64 + ".example.com", ("x" * 60 + ".") * 5 + "com", "%31%32%37.0.0.1",
        "64:ff9b::7f00:1",
    ],
)  # fmt: skip
def test_numbers_local_names_and_private_addresses_are_refused(host: str) -> None:
    with pytest.raises(egress.UnsafeAddress):
        egress.check_url(f"https://{host}/")


@pytest.mark.parametrize(
    "url", ["http://localhost:8000/", "http://127.0.0.1/", "https://web/", "http://[::1]:1/"]
)
def test_private_addresses_and_http_pass_where_they_are_allowed(url: str) -> None:
    egress.check_url(url, allow_private=True)


@pytest.mark.parametrize("url", ["ftp://localhost/", "http://a@localhost/", "http://2130706433/"])
def test_the_shape_counts_even_where_private_addresses_are_allowed(url: str) -> None:
    with pytest.raises(egress.UnsafeAddress):
        egress.check_url(url, allow_private=True)


def test_an_international_name_is_called_in_its_ascii_form() -> None:
    target = targets.parse("https://BÜCHER.example.com/ü?q=ü#x", allow_private=False)

    assert target.host == "xn--bcher-kva.example.com"
    assert target.path == "/%C3%BC?q=%C3%BC"


@given(st.text(max_size=40) | st.from_regex(r"https?://[^/]{1,30}(:\d{1,6})?/", fullmatch=True))
def test_any_text_is_a_target_or_a_refusal(text: str) -> None:
    try:
        target = targets.parse(text, allow_private=False)
    except egress.UnsafeAddress:
        return

    assert target.is_tls
    assert target.host.isascii()
    assert target.path.isascii()


@pytest.mark.parametrize(
    "text",
    [
        "8.8.8.8", "2606:4700::1111", "2a00:1450::1", "64:ff9b::808:808", "::ffff:8.8.8.8",
        "2002:808:808::1",
    ],
)  # fmt: skip
def test_an_address_of_the_internet_is_public(text: str) -> None:
    assert public(text)


@pytest.mark.parametrize(
    "text",
    [
        "0.1.2.3", "10.1.2.3", "100.64.0.1", "127.9.9.9", "169.254.1.1", "172.31.0.1", "192.0.0.9",
        "192.0.2.1", "192.88.99.1", "192.168.0.1", "198.19.0.1", "198.51.100.1", "203.0.113.1",
        "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255", "168.63.129.16",
        "::", "::1", "::7f00:1", "::808:808", "::ffff:10.0.0.1", "64:ff9b::a00:1",
        "64:ff9b:1::808:808", "100::1", "2001::1", "2001:db8::1", "2002:a00:1::", "3fff::1",
        "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1", "ff0e::1", "4000::1",
    ],
)  # fmt: skip
def test_an_address_of_any_special_network_is_not_public(text: str) -> None:
    assert not public(text)


def test_a_teredo_address_counts_as_both_of_those_that_it_carries() -> None:
    def teredo(server: str, client: str) -> str:
        low = int(ipaddress.IPv4Address(client)) ^ 0xFFFF_FFFF
        high = int(ipaddress.IPv4Address(server))
        return str(ipaddress.IPv6Address((0x2001_0000 << 96) | (high << 64) | low))

    assert public(teredo("8.8.8.8", "9.9.9.9"))
    assert not public(teredo("8.8.8.8", "10.0.0.1"))
    assert not public(teredo("10.0.0.1", "8.8.8.8"))


@given(st.ip_addresses())
def test_nothing_is_public_that_the_standard_library_calls_special(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    # The standard library looks through no tunnel, which ours may find to lead to the Internet.
    is_tunnel = address in ipaddress.ip_network("64:ff9b::/96") or (
        address.version == 6
        and (address.ipv4_mapped or address.sixtofour or address.teredo) is not None
    )

    assert is_tunnel or not targets.is_public(address) or address.is_global
