"""Runs the web alone: pages, API and health checks."""

import os
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from config import web_server
from config.management.commands.up import port


class Command(BaseCommand):
    help = "Run the web process, without worker and without preparing the database."
    # The checks need the database, which may still be starting.
    requires_system_checks = []  # noqa: RUF012 - Django declares it on the instance

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="Address to listen on.")
        parser.add_argument("--port", default=8000, type=port, help="Port to listen on.")

    def handle(self, *args: Any, **options: Any) -> None:
        command = web_server.command(host=options["host"], port=options["port"])
        # In its place, so that signals reach it.
        os.execv(command[0], command)  # noqa: S606 - no shell
