"""Options, progress, rejects and result of the import commands."""

from subscribers.management.importing.command import ImportCommand

__all__ = ["ImportCommand"]
