"""A mail server that takes its time, and many mails for it: a worker has enough to do for long."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support import smtp_server
from tests.support.smtp_server import Hold, SmtpServer, Stage


class Pause(Hold):
    """Keeps every client for a while, then lets it go on."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds = seconds

    async def keep(self) -> None:
        """Keep the client of this conversation."""
        await asyncio.sleep(self.seconds)


@contextmanager
def slow_server(seconds_per_mail: float) -> Iterator[SmtpServer]:
    """Run a server that answers each message after so many seconds; each client waits alone."""
    with smtp_server.running() as server:
        server.always(Stage.MESSAGE, Pause(seconds_per_mail))
        yield server


def url_of(server: SmtpServer) -> str:
    """Return the EMAIL_URL of a server."""
    return f"smtp://127.0.0.1:{server.port}"
