"""Django's `migrate`, one at a time: several hosts may start together."""

from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands import migrate
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from config import schema
from config.management.database_lock import exclusive_database_use


class Command(migrate.Command):
    """Waits for other hosts that migrate, then finds their work done."""

    def handle(self, *args: Any, **options: Any) -> None:
        with exclusive_database_use():
            if schema.is_too_old(MigrationLoader(connection)):
                raise CommandError(schema.TOO_OLD)
            super().handle(*args, **options)
