"""Real web servers on this machine, and calls that go to them."""

import contextlib
import http.server
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from events.egress import calls as egress

NAME = "hooks.example.com"


@dataclass
class Receiver:
    """A web server that answers as it is told and keeps what it was asked."""

    port: int = 0
    status: int = 200
    content: bytes = b"thanks"
    extra_headers: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    methods: list[str] = field(default_factory=list)
    names: list[str | None] = field(default_factory=list)


@contextlib.contextmanager
def serve(
    receiver: Receiver, *, tls: ssl.SSLContext | None = None, port: int = 0
) -> Iterator[Receiver]:
    """Run a server until the block ends, on a free port unless told, with TLS where a context is
    given.
    """

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            receiver.methods.append(self.command)
            receiver.asked.append((self.path, dict(self.headers), content))
            self.send_response(receiver.status)
            for name, value in receiver.extra_headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(receiver.content)))
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(receiver.content)

        do_GET = do_PUT = do_PATCH = do_DELETE = do_POST  # noqa: N815 - names of http.server

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    class Server(http.server.ThreadingHTTPServer):
        def finish_request(self, request: object, client_address: object) -> None:
            assert isinstance(request, socket.socket)
            with contextlib.suppress(OSError):
                if tls:
                    request = tls.wrap_socket(request, server_side=True)
                Handler(request, client_address, self)
            request.close()

    if tls:
        tls.sni_callback = lambda _socket, name, _context: receiver.names.append(name)
    server = Server(("127.0.0.1", port), Handler)
    receiver.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextlib.contextmanager
def listen(converse: Callable[[socket.socket], None]) -> Iterator[int]:
    """Hold one raw conversation with the first that connects; gives the port."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def run() -> None:
            with contextlib.suppress(OSError):
                connection, _ = server.accept()
                with connection:
                    converse(connection)

        thread = threading.Thread(target=run)
        thread.start()
        yield server.getsockname()[1]
        server.close()
        thread.join(timeout=10)


def to_here(host: str, port: int) -> list[str]:
    """Resolve every name to this machine."""
    return ["127.0.0.1"]


def call(
    url: str,
    *,
    body: bytes = b"{}",
    headers: Mapping[str, str] | None = None,
    allow_private: bool = True,
    resolve: egress.Resolve = to_here,
    timeout_seconds: float = 5.0,
    most_bytes: int = 65536,
) -> egress.Answer:
    """Post to a server on this machine, whatever its name is."""
    return egress.call(
        url=url,
        body=body,
        headers=headers or {},
        allow_private=allow_private,
        resolve=resolve,
        timeout_seconds=timeout_seconds,
        most_bytes=most_bytes,
    )
