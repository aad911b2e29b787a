"""What the commands that import have in common: options, progress, rejects and the result."""

from subscribers.management.importing.command import ImportCommand

__all__ = ["ImportCommand"]
