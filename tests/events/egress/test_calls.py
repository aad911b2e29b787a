"""Outgoing calls, against real servers on this machine."""

import hashlib
import hmac
import socket
import time

import pytest

from events.egress import calls as egress
from tests.support.ports import free_port
from tests.support.web_servers import NAME, Receiver, call, listen, serve


def test_the_server_gets_the_call_and_its_answer_comes_back() -> None:
    with serve(Receiver(status=201, content=b"made")) as receiver:
        answer = call(
            f"http://{NAME}:{receiver.port}/in?a=1",
            body=b'{"a": 1}',
            headers={"Content-Type": "application/json", "X-Signature": "v1=ab"},
        )

    path, headers, content = receiver.asked[0]
    assert (answer.status, answer.body) == (201, b"made")
    assert 0 <= answer.milliseconds < 5000
    assert (path, content) == ("/in?a=1", b'{"a": 1}')
    assert headers["Host"] == f"{NAME}:{receiver.port}"
    assert headers["Content-Type"] == "application/json"
    assert headers["X-Signature"] == "v1=ab"


def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    with serve(Receiver()) as elsewhere, serve(Receiver(status=302)) as receiver:
        receiver.extra_headers = {"Location": f"http://127.0.0.1:{elsewhere.port}/"}
        answer = call(f"http://{NAME}:{receiver.port}/")

    assert answer.status == 302
    assert elsewhere.asked == []


def test_a_failing_server_is_asked_once() -> None:
    with serve(Receiver(status=503)) as receiver:
        answer = call(f"http://{NAME}:{receiver.port}/")

    assert answer.status == 503
    assert len(receiver.asked) == 1


def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(Receiver()) as proxy, serve(Receiver()) as receiver:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        call(f"http://{NAME}:{receiver.port}/")

    assert proxy.asked == []


@pytest.mark.parametrize(
    "found",
    [
        ["127.0.0.1"], ["8.8.8.8", "10.0.0.1"], ["2606:4700::1111", "::1"], ["::ffff:127.0.0.1"],
        ["64:ff9b::7f00:1"], ["169.254.169.254"], ["fe80::1%eth0"], ["2002:7f00:1::"],
    ],
)  # fmt: skip
def test_one_address_that_is_not_public_condemns_the_name(found: list[str]) -> None:
    with serve(Receiver()) as receiver, pytest.raises(egress.UnsafeAddress, match="not public"):
        call(
            f"https://{NAME}:{receiver.port}/",
            allow_private=False,
            resolve=lambda _host, _port: found,
        )

    assert receiver.asked == []


def test_a_name_that_is_private_on_the_second_look_is_looked_up_once() -> None:
    answers = iter([["192.0.2.55"], ["127.0.0.1"]])
    asked: list[str] = []

    def rebind(host: str, port: int) -> list[str]:
        asked.append(host)
        return next(answers)

    with serve(Receiver()) as receiver, pytest.raises(egress.CallFailed):
        call(f"http://{NAME}:{receiver.port}/", resolve=rebind, timeout_seconds=0.3)

    assert asked == [NAME]
    assert receiver.asked == []


def test_the_first_look_decides_where_a_call_goes() -> None:
    answers = iter([["127.0.0.1"], ["192.0.2.55"]])

    with serve(Receiver()) as receiver:
        answer = call(f"http://{NAME}:{receiver.port}/", resolve=lambda _host, _port: next(answers))

    assert answer.status == 200
    assert next(answers) == ["192.0.2.55"]


def test_an_address_in_the_url_is_called_without_a_look_up() -> None:
    def refuse(host: str, port: int) -> list[str]:
        raise AssertionError

    with serve(Receiver()) as receiver:
        answer = call(f"http://127.0.0.1:{receiver.port}/", resolve=refuse)

    assert answer.status == 200


def test_the_systems_resolver_is_asked_by_default() -> None:
    with serve(Receiver()) as receiver:
        answer = egress.call(
            url=f"http://localhost:{receiver.port}/", body=b"", headers={}, allow_private=True
        )

    assert answer.status == 200


def fail_to_resolve(host: str, port: int) -> list[str]:
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


def never_resolve(host: str, port: int) -> list[str]:
    time.sleep(1)
    return ["127.0.0.1"]


@pytest.mark.parametrize(
    ("resolve", "sentence"),
    [
        (fail_to_resolve, "The name hooks.example.com could not be resolved."),
        (never_resolve, "The name hooks.example.com was not resolved in time."),
        (lambda _host, _port: [], "The name hooks.example.com has no address."),
        (lambda _host, _port: ["nonsense"], "The name hooks.example.com has no usable address."),
    ],
)
def test_a_name_without_an_address_is_a_failure(resolve: egress.Resolve, sentence: str) -> None:
    with pytest.raises(egress.CallFailed) as failure:
        call(f"http://{NAME}/", resolve=resolve, timeout_seconds=0.3)

    assert str(failure.value) == sentence
    assert failure.value.code == "CALL_FAILED"


def test_a_closed_port_is_a_failure() -> None:
    with pytest.raises(egress.CallFailed, match=r"^hooks.example.com refused the connection.$"):
        call(f"http://{NAME}:{free_port()}/")


def test_an_answer_up_to_the_limit_is_read() -> None:
    with serve(Receiver(content=b"x" * 1000)) as receiver:
        answer = call(f"http://{NAME}:{receiver.port}/", most_bytes=1000)

    assert answer.body == b"x" * 1000


def test_a_longer_answer_is_a_failure() -> None:
    with (
        serve(Receiver(content=b"x" * 1001)) as receiver,
        pytest.raises(egress.CallFailed, match="longer than 1000 bytes"),
    ):
        call(f"http://{NAME}:{receiver.port}/", most_bytes=1000)


def test_an_endless_answer_is_read_to_the_limit_and_left() -> None:
    sent = 0

    def pour(connection: socket.socket) -> None:
        nonlocal sent
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(1000):
            sent += connection.send(b"x" * 65536)

    with listen(pour) as port, pytest.raises(egress.CallFailed, match="longer than 65536 bytes"):
        call(f"http://{NAME}:{port}/")

    # What lay in the buffers of both sockets was sent as well.
    assert sent < 16 * 1024 * 1024


def test_a_compressed_answer_is_not_unpacked() -> None:
    with serve(Receiver(content=b"\x1f\x8bnothing")) as receiver:
        receiver.extra_headers = {"Content-Encoding": "gzip"}
        answer = call(f"http://{NAME}:{receiver.port}/")

    assert answer.body == b"\x1f\x8bnothing"


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (b"", "hooks.example.com closed the connection without an answer."),
        (b"SSH-2.0-OpenSSH\r\n", "The answer of hooks.example.com is no complete HTTP answer."),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort",
            "The answer of hooks.example.com is no complete HTTP answer.",
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nshort",
            "The answer of hooks.example.com is no complete HTTP answer.",
        ),
    ],
)
def test_what_is_no_answer_is_a_failure(answer: bytes, sentence: str) -> None:
    def converse(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(answer)

    with listen(converse) as port, pytest.raises(egress.CallFailed) as failure:
        call(f"http://{NAME}:{port}/")

    assert str(failure.value) == sentence


@pytest.mark.parametrize(
    ("headers", "sentence"),
    [
        ({"Host": "other.example.com"}, "The header Host cannot be set: it follows from the call."),
        ({"content-length": "5"}, "The header content-length cannot be set: it follows from the"),
        ({"X-A": "a\r\nX-B: b"}, "A header holds characters that no header can carry."),
        ({"X-A": "\u2028"}, "A header holds characters that no header can carry."),
        ({"X A:": "b"}, "A header holds characters that no header can carry."),
    ],
)
def test_headers_that_would_change_the_call_are_refused(
    headers: dict[str, str], sentence: str
) -> None:
    with serve(Receiver()) as receiver, pytest.raises(egress.CallFailed, match=sentence):
        call(f"http://{NAME}:{receiver.port}/", headers=headers)

    assert receiver.asked == []


def test_a_bad_url_is_refused_before_anybody_is_asked() -> None:
    def refuse(host: str, port: int) -> list[str]:
        raise AssertionError

    with pytest.raises(egress.UnsafeAddress):
        call("http://2130706433/", resolve=refuse)


def test_a_signature_is_the_contracts() -> None:
    expected = hmac.new(b"secret", b'v1:1700000000:{"a":1}', hashlib.sha256).hexdigest()

    signature = egress.sign(secret="secret", timestamp=1_700_000_000, body=b'{"a":1}')

    assert signature == f"v1={expected}"
