"""The command line: a command that cannot work with the database says so in one sentence."""

import gc
import os
import sys
from typing import NoReturn

from django.core.management import BaseCommand, ManagementUtility
from django.db import DatabaseError, InterfaceError

from config import schema

# These create the tables, wait for them, or report that they are missing.
READY_FOR_ANY_DATABASE = frozenset(
    {"doctor", "migrate", "read_bounces", "restore", "seed_demo", "up", "worker"}
)
# These write parts of the program, which the account that runs Cueline must be able to read.
WRITES_CODE = frozenset({"collectstatic", "compilemessages", "makemessages", "makemigrations"})
DOCTOR = "Cueline does not run django-q's cluster; manage.py doctor looks at Cueline's own worker."
NOT_OURS = {
    "qcluster": "Cueline has its own worker; run manage.py worker.",
    "qinfo": DOCTOR,
    "qmemory": DOCTOR,
    "qmonitor": DOCTOR,
}


class Terminal(ManagementUtility):
    """Django's command line; checks the database before a command that needs our tables."""

    def execute(self) -> None:
        try:
            super().execute()
        except (DatabaseError, InterfaceError):
            _end_if_tables_are_missing()
            raise

    def fetch_command(self, subcommand: str) -> BaseCommand:
        """Return the command, or end with what to do instead."""
        if subcommand in NOT_OURS:
            _end(NOT_OURS[subcommand])
        command = super().fetch_command(subcommand)
        # All is imported, and what is here now stays: the collector need not look at it again.
        gc.freeze()
        gc.enable()
        is_ours = type(command).__module__.startswith(("config.", *schema.OURS))
        if subcommand in WRITES_CODE:
            os.umask(0o022)
        needs_tables = is_ours or command.requires_migrations_checks
        is_run = self.argv[1] == subcommand and not {"-h", "--help"} & set(self.argv)
        if is_run and needs_tables and subcommand not in READY_FOR_ANY_DATABASE:
            _end_if_tables_are_missing()
        return command


def _end_if_tables_are_missing() -> None:
    if problem := schema.problem():
        _end(problem[0].upper() + problem[1:])


def _end(sentence: str) -> NoReturn:
    sys.stderr.write(f"{sentence}\n")
    sys.exit(1)
