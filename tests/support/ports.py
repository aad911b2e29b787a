"""Ports of this machine for servers of tests, and for servers that are away."""

import random
import socket

# Below those that systems choose themselves for connections and for servers on port 0: the port of
# a server that is away must not become another test's.
_RANGE = range(20_000, 32_000)


def free_port() -> int:
    """Return a port that nobody listens on, and that nobody gets by chance."""
    chance = random.SystemRandom()
    while True:
        port = chance.choice(_RANGE)
        with socket.socket() as probe:
            # As servers bind: one that closed its connections just now is no obstacle.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
