"""Asks at the terminal before an irreversible change, and names the operator."""

import getpass
import sys

from django.core.management.base import CommandError, CommandParser

from subscribers.services.consent.ledger import Circumstances

YES = frozenset({"y", "yes"})


def add_to(parser: CommandParser) -> None:
    parser.add_argument("--yes", action="store_true", help="Do not ask before the change.")


def make_sure(*, question: str, is_sure: bool) -> None:
    """Ask, unless `is_sure`; raises `CommandError` for any answer but yes."""
    if is_sure:
        return
    if not sys.stdin.isatty():
        raise CommandError(f"{question} There is no terminal to ask at: give --yes to continue.")
    sys.stdout.write(f"{question} [y/N] ")
    sys.stdout.flush()
    if sys.stdin.readline().strip().lower() not in YES:
        raise CommandError("Nothing was changed.")


def by_command() -> Circumstances:
    """Return the circumstances of a command: the account's name."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        # A container's account may have a number and no name.
        name = "command"
    return Circumstances(actor=name)
