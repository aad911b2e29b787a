"""How the web server is started: the one place that knows granian's options."""

import sys

# Connections at once; beyond it new ones wait. Idle ones end after SECONDS_IDLE, and so do those
# whose headers are not complete by then.
CONNECTIONS = 4096
SECONDS_IDLE = 15
# Requests under way get so long to end; connections that are only silent hold it up no longer.
SECONDS_TO_STOP = 8
TARGET = "config.rsgi:application"


def command(*, host: str, port: int) -> list[str]:
    """Return the program and its arguments."""
    return [
        *(sys.executable, "-m", "granian", "--interface", "rsgi", "--http", "1", "--no-ws"),
        *("--host", host, "--port", str(port), "--workers", "1", "--log-level", "warning"),
        *("--loop", "asyncio", "--backlog", str(CONNECTIONS), "--backpressure", str(CONNECTIONS)),
        *("--http1-header-read-timeout", str(SECONDS_IDLE * 1000)),
        *("--respawn-failed-workers", "--workers-kill-timeout", str(SECONDS_TO_STOP)),
        TARGET,
    ]
