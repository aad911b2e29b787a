"""Runs the whole product on one machine: database, first rows, web and worker."""

import argparse
import os
import socket
import sys
import tempfile
import time
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError, connection

from config import env, first_event, private_files, schema, up_lock, web_server
from config.management import first_run
from config.management.process_keeper import ProcessKeeper
from events.services.database_faults import brief
from events.worker.supervisor import REFUSED
from subscribers.services.workspaces import installation

SECONDS_FOR_DATABASE = 30
SECONDS_FOR_WEB = 30


class Command(BaseCommand):
    help = "Prepare the database, then run web and worker until Ctrl-C."
    # The checks need the database, which may still be starting.
    requires_system_checks = []  # noqa: RUF012 - Django declares it on the instance

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="Address to listen on.")
        parser.add_argument("--port", default=8000, type=port, help="Port to listen on.")

    def handle(self, *args: Any, **options: Any) -> None:
        host, port = options["host"], options["port"]
        _check_data_folder()
        public_url = env.read_text("PUBLIC_URL", default=_base_url(host, port))
        try:
            claimed = up_lock.claim(folder=settings.DATA_DIR, url=public_url)
        except up_lock.AlreadyRuns as error:
            raise CommandError(str(error)) from error
        with claimed:
            self._run_all(host, port, public_url=public_url)

    def _run_all(self, host: str, port: int, *, public_url: str) -> None:
        _check_port(host, port)
        self._wait_for_database()
        call_command("migrate", verbosity=0, interactive=False)
        _check_secret_key()
        if newer := schema.ahead_sentence():
            self._say(f"{newer}. Upgrade this host too.")
        self._make_what_is_missing(base_url=_base_url(host, port))
        connection.close()
        keeper = ProcessKeeper()
        keeper.listen_for_stop()
        try:
            _start_children(keeper, host, port, public_url=public_url)
            self._run(keeper, host, port)
        finally:
            keeper.stop()
        self._say("Stopped.")

    def _wait_for_database(self) -> None:
        give_up_at = time.monotonic() + SECONDS_FOR_DATABASE
        is_shown = False
        while True:
            try:
                connection.ensure_connection()
            except OperationalError as error:
                if connection.vendor == "sqlite" or time.monotonic() > give_up_at:
                    raise CommandError(f"The database cannot be reached: {brief(error)}") from error
                if not is_shown:
                    self._say("Waiting for the database …")
                    is_shown = True
                time.sleep(0.5)
            else:
                return

    def _make_what_is_missing(self, *, base_url: str) -> None:
        """Make the first rows. Their secrets go to a terminal, or to a file where a log would keep
        what is printed.
        """
        if self.stdout.isatty():
            made = first_run.make_what_is_missing()
            if made.password or made.api_key:
                self._say(f"First run. This is shown once; keep it.\n\n{_secrets(made, base_url)}")
            return
        try:
            first_run.make_what_is_missing(
                keep=lambda made: self._say(
                    f"First run. Password and API key are in {_write(_secrets(made, base_url))}. "
                    "Read the file, then delete it."
                )
            )
        except OSError as error:
            raise CommandError(f"The first password cannot be kept: {error}.") from error

    def _run(self, keeper: ProcessKeeper, host: str, port: int) -> None:
        give_up_at = time.monotonic() + SECONDS_FOR_WEB
        is_shown = False
        while not keeper.is_stopping:
            ended = keeper.wait()
            if ended and (not is_shown or ended.code == REFUSED):
                sentence = f"The {ended.name} process ended by itself; its last lines say why."
                raise CommandError(sentence)
            if ended:
                keeper.start_again(ended)
            if is_shown:
                continue
            if _answers(host, port):
                self._say(f"Cueline runs: {_base_url(host, port)}/admin/   (Ctrl-C stops it)")
                is_shown = True
            elif time.monotonic() > give_up_at:
                raise CommandError(f"The web process does not answer after {SECONDS_FOR_WEB} s.")

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()


def _secrets(made: first_run.Made, base_url: str) -> str:
    lines = []
    if made.password:
        lines += [f"  Admin user   {first_run.ADMIN_NAME}", f"  Password     {made.password}"]
    if made.api_key:
        lines.append(f"  API key      {made.api_key}   (workspace: default)")
        if not os.environ.get("SECRET_KEY"):
            lines.append(f"  Secret key   kept in {settings.DATA_DIR / 'secret_key'}")
        lines += ["", "Send a first event from another terminal:", ""]
        lines += [first_event.curl_line(base_url=base_url, api_key=made.api_key), ""]
    return "\n".join(lines)


def _write(text: str) -> str:
    """Write a new file in DATA_DIR, for this account alone, and return its name."""
    descriptor, name = tempfile.mkstemp(
        dir=settings.DATA_DIR, prefix="first-run-", suffix=".txt", text=True
    )  # mode 0600
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(f"{text}\n")
        file.flush()
        os.fsync(file.fileno())
    return name


def port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:  # noqa: PLR2004 - TCP's highest port
        raise argparse.ArgumentTypeError("must be a number from 1 to 65535")
    return int(text)


def _check_port(host: str, port: int) -> None:
    """Refuse a port that another program uses, before anything is changed."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            # Old connections of a server that ended do not hold the port.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen(1)
    except OSError as error:
        raise CommandError(
            f"Cannot listen on {host}, port {port}: {error.strerror}. Choose another with --port."
        ) from error


def _check_data_folder() -> None:
    folder = settings.DATA_DIR
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise CommandError(
            f"The data folder {folder} cannot be written to: {error.strerror}. Set DATA_DIR."
        ) from error
    private_files.close()


def _check_secret_key() -> None:
    try:
        installation.check_secret_key(secret_key=settings.SECRET_KEY)
    except installation.SecretKeyDiffers as error:
        raise CommandError(str(error)) from error


def _start_children(keeper: ProcessKeeper, host: str, port: int, *, public_url: str) -> None:
    environment = {**os.environ, "PUBLIC_URL": public_url}
    worker = [sys.executable, str(settings.BASE_DIR / "manage.py"), "worker"]
    for name, arguments in (("web", web_server.command(host=host, port=port)), ("worker", worker)):
        keeper.start(name, arguments, folder=settings.BASE_DIR, environment=environment)


def _answers(host: str, port: int) -> bool:
    try:
        socket.create_connection((_reachable(host), port), timeout=1).close()
    except OSError:
        return False
    return True


def _reachable(host: str) -> str:
    """Return the address at which this machine reaches a server that listens on `host`."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104 - compared


def _base_url(host: str, port: int) -> str:
    name = _reachable(host)
    return f"http://{f'[{name}]' if ':' in name else name}:{port}"


def _line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
