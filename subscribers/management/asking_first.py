"""The question that a command asks before it does what cannot be undone, and who answers it."""

import getpass
import sys

from django.core.management.base import CommandError, CommandParser

from subscribers.services.consent.ledger import Circumstances

YES = frozenset({"y", "yes"})


def add_to(parser: CommandParser) -> None:
    """Add the option that answers beforehand."""
    parser.add_argument("--yes", action="store_true", help="Do not ask whether to go on.")


def make_sure(*, question: str, is_sure: bool) -> None:
    """Ask, unless the answer was given beforehand; raises `CommandError` for any answer but yes."""
    if is_sure:
        return
    if not sys.stdin.isatty():
        raise CommandError("Nobody is there to be asked: give --yes to go on.")
    sys.stdout.write(f"{question} [y/N] ")
    sys.stdout.flush()
    if sys.stdin.readline().strip().lower() not in YES:
        raise CommandError("Nothing was changed.")


def by_command() -> Circumstances:
    """Return the circumstances of what is done at a terminal: the name of the account."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        # An account of a container that has a number and no name.
        name = "command"
    return Circumstances(actor=name)
