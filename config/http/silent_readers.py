"""Ends connections whose reader takes nothing of an answer; the server itself would wait for ever.

The kernel does it, on Linux: a connection inherits the limit of the socket that listens.
"""

import os
import socket
import sys


def end_after(*, seconds: int) -> bool:
    """Limit connections that come from now on; tell whether that is done for good."""
    if sys.platform != "linux":
        return True
    open_files = [int(name) for name in os.listdir("/proc/self/fd")]  # noqa: PTH208 - numbers, no paths
    return any([_limit(descriptor, seconds) for descriptor in open_files])  # noqa: C419 - all of them


def _limit(descriptor: int, seconds: int) -> bool:
    """Tell whether it is a socket that listens, after limiting it."""
    try:
        own = socket.socket(fileno=descriptor)
    except OSError:
        return False
    try:
        is_tcp = own.family in (socket.AF_INET, socket.AF_INET6)
        listens = is_tcp and bool(own.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
        if listens:
            own.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, seconds * 1000)
        return listens
    finally:
        # It stays open: it is the server's.
        own.detach()
