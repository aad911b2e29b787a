"""A TCP proxy in front of PostgreSQL that cuts a connection just after a statement went through."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

# A statement is longer than one read only when its parameters are; its beginning is enough.
READ_SIZE = 256 * 1024


class CuttingProxy:
    """Listens on `port`; once armed it cuts the connection that sends one of the markers."""

    def __init__(self, host: str, port: int, markers: tuple[bytes, ...]) -> None:
        self.upstream = (host, port)
        self.markers = markers
        self.cuts = 0
        self.to_pass = 0
        self.is_armed = False
        self.waits_for_answer = False
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]

    def arm(self, *, to_pass: int, waits_for_answer: bool) -> None:
        """Let some marked statements pass, then cut: once the server answered it, or at once."""
        self.to_pass = to_pass
        self.waits_for_answer = waits_for_answer
        self.is_armed = True

    def serve(self) -> None:
        """Pass connections on until the listener is closed."""
        with suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                threading.Thread(target=self._serve_one, args=[client], daemon=True).start()

    def _serve_one(self, client: socket.socket) -> None:
        with client, socket.create_connection(self.upstream) as server:
            lost = threading.Event()
            back = threading.Thread(target=self._to_client, args=[client, server, lost])
            back.start()
            self._to_server(client, server, lost)
            back.join()

    def _to_server(
        self, client: socket.socket, server: socket.socket, lost: threading.Event
    ) -> None:
        with suppress(OSError):
            while piece := client.recv(READ_SIZE):
                is_marked = self.is_armed and any(marker in piece for marker in self.markers)
                must_cut = is_marked and self.to_pass == 0
                self.to_pass -= is_marked and not must_cut
                if must_cut:
                    self.is_armed = False
                    self.cuts += 1
                    lost.set()
                server.sendall(piece)
                if must_cut and not self.waits_for_answer:
                    break
        _end(client, server)

    def _to_client(
        self, client: socket.socket, server: socket.socket, lost: threading.Event
    ) -> None:
        with suppress(OSError):
            while piece := server.recv(READ_SIZE):
                if lost.is_set():
                    break
                client.sendall(piece)
        _end(client, server)


def _end(*sockets: socket.socket) -> None:
    for each in sockets:
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)


@contextmanager
def cutting(host: str, port: int, *markers: bytes) -> Iterator[CuttingProxy]:
    """Run a proxy in front of a server."""
    proxy = CuttingProxy(host, port, markers)
    threading.Thread(target=proxy.serve, daemon=True).start()
    try:
        yield proxy
    finally:
        proxy.listener.close()
