"""`manage.py worker`: carries out what is due, on any number of hosts."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from config import private_files
from events import enqueue
from events.worker import parts, supervisor
from events.worker.heartbeat import Heartbeat
from subscribers.services.workspaces import installation


class Command(BaseCommand):
    help = "Carry out what is due until Ctrl-C; any number of hosts may do so."
    # The checks need the database; the parts wait for it themselves.
    requires_system_checks = []  # noqa: RUF012 - Django declares it on the instance

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--accept-new-secret-key",
            action="store_true",
            help="Make this SECRET_KEY the installation's, empty the queue, and end. Stop all "
            "workers first. Nothing is lost: due work is in other tables.",
        )
        # The options with which the supervisor starts its parts.
        parser.add_argument("--part", choices=("ticker", "pool"), help="For the worker itself.")
        parser.add_argument("--worker-id", type=UUID, help="For the worker itself.")
        parser.add_argument("--restarts", type=int, default=0, help="For the worker itself.")
        parser.add_argument("--pulse", type=int, help="For the worker itself.")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["accept_new_secret_key"]:
            self._accept_secret_key()
        elif options["part"]:
            self._run_part(options)
        else:
            self._supervise()

    def _accept_secret_key(self) -> None:
        if not installation.accept_secret_key(secret_key=settings.SECRET_KEY):
            self.stdout.write("This SECRET_KEY is the installation's already; nothing changed.")
            return
        cleared = enqueue.clear()
        self.stdout.write(f"The new SECRET_KEY is stored; {cleared} old tasks were removed.")

    def _supervise(self) -> None:
        private_files.close()
        try:
            supervisor.Supervisor().run()
        except supervisor.PartRefused as refused:
            raise CommandError(
                "The worker does not start; the line above says why.", returncode=supervisor.REFUSED
            ) from refused

    def _run_part(self, options: dict[str, Any]) -> None:
        run = parts.RUN_BY_NAME[options["part"]]
        pipe = Heartbeat(options["pulse"])
        try:
            run(worker_id=options["worker_id"], restarts=options["restarts"], pipe=pipe)
        except installation.SecretKeyDiffers as error:
            raise CommandError(str(error), returncode=supervisor.REFUSED) from error
