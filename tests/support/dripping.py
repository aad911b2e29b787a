"""Keeps many connections open that each send a byte of a body a second: `-m … PORT COUNT`."""

import contextlib
import resource
import socket
import sys
import time

HEAD = (
    b"POST /api/v1/subscribers/events/bulk HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    b"Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
)


def main(port: int, count: int) -> None:
    """Run until it is killed; connections that the server ended are replaced."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    connections: list[socket.socket] = []
    while True:
        started = time.monotonic()
        while len(connections) < count:
            connections.append(socket.create_connection(("127.0.0.1", port)))
            connections[-1].sendall(HEAD)
            connections[-1].settimeout(0)
        kept = []
        for number, connection in enumerate(connections):
            with contextlib.suppress(OSError):
                connection.send(b" ")
                kept.append(connection)
            # Spread over the second, as a thousand callers would.
            time.sleep(max(0.0, started + number / count - time.monotonic()))
        connections = kept
        sys.stdout.write(f"{len(connections)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
