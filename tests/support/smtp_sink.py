"""A real SMTP server that takes every mail and counts; prints the count when its input ends.

python -m tests.support.smtp_sink PORT
"""

import sys

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


class Sink:
    """Takes everything."""

    def __init__(self) -> None:
        self.count = 0

    async def handle_DATA(self, _server: SMTP, _session: Session, _envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """Count a mail."""
        self.count += 1
        return "250 taken"


def main() -> None:
    """Serve until standard input ends."""
    sink = Sink()
    controller = Controller(sink, hostname="127.0.0.1", port=int(sys.argv[1]))
    controller.start()
    sys.stdin.read()
    controller.stop()
    sys.stdout.write(f"{sink.count}\n")


if __name__ == "__main__":
    main()
