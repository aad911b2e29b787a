"""A PostgreSQL server of the tests' own: a private folder, a free port, gone when the run ends.

If the run is killed, the server ends with it (Linux), and the next run removes the folder.
"""

import ctypes
import os
import pwd
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from tests.support import temporary
from tests.support.ports import free_port

PREFIX = "cueline-postgres-"
START_SECONDS = 30
PR_SET_PDEATHSIG = 1


class CannotStart(RuntimeError):
    """The binaries are there, but no server came up; the message has its last words."""


@dataclass(slots=True)
class PrivatePostgres:
    """A running server; `url` connects as its superuser."""

    process: subprocess.Popen[bytes]
    folder: Path
    url: str
    command: list[str | Path]

    def crash(self) -> None:
        """End the server at once, as a power cut would; what it had committed is there again."""
        self.process.send_signal(signal.SIGQUIT)  # Immediate shutdown.
        self.process.wait(timeout=20)

    def start_again(self) -> None:
        """Start the server that crashed, on its port and its data."""
        self.process = _launch(self.command, self.folder)
        _wait_until_ready(self)

    def stop(self) -> None:
        """End the server and remove its folder."""
        self.process.send_signal(signal.SIGINT)  # Fast shutdown: ends open sessions.
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        temporary.remove(self.folder)


def find_binaries() -> Path | None:
    """Return the folder with `initdb` and `postgres`, the newest version first."""
    on_path = shutil.which("initdb")
    candidates = [Path(on_path).resolve().parent] if on_path else []
    debian = Path("/usr/lib/postgresql").glob("*/bin")
    candidates += sorted(debian, key=lambda path: path.parent.name.zfill(4), reverse=True)
    for folder in candidates:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    return None


def start(binaries: Path) -> PrivatePostgres:
    """Start a server that nobody else uses; raises `CannotStart`."""
    folder = temporary.make(prefix=PREFIX)
    data = folder / "data"
    owner = unprivileged()
    if owner:
        # initdb refuses to run as root.
        os.chown(folder, owner["user"], owner["group"])
    initdb: list[str | Path] = [
        binaries / "initdb",
        "-D",
        data,
        "-U",
        "postgres",
        "--auth=trust",
        "-E",
        "UTF8",
    ]
    made: subprocess.CompletedProcess[bytes] = subprocess.run(
        [*initdb, "--locale=C.UTF-8", "--no-sync"],
        capture_output=True,
        check=False,
        timeout=120,
        **owner,
    )
    if made.returncode:
        temporary.remove(folder)
        raise CannotStart(made.stderr.decode(errors="replace"))
    port = free_port()
    options: dict[str, object] = {
        "listen_addresses": "127.0.0.1",
        "port": port,
        "unix_socket_directories": folder,
        "max_connections": 200,
        "fsync": "off",
        "full_page_writes": "off",
        # Tables of tests are small; compiling a query takes longer than running it.
        "jit": "off",
        # Which database a logged statement was for.
        "log_line_prefix": "%m [%p] %d ",
    }
    arguments = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    command: list[str | Path] = [binaries / "postgres", "-D", data, *arguments]
    url = f"postgresql://postgres@127.0.0.1:{port}/postgres"
    server = PrivatePostgres(_launch(command, folder), folder, url, command)
    _wait_until_ready(server)
    return server


def _launch(command: list[str | Path], folder: Path) -> subprocess.Popen[bytes]:
    with (folder / "log").open("ab") as log:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=_end_with_parent,  # noqa: PLW1509 - one call into libc, no threads run yet
            **unprivileged(),
        )


def _wait_until_ready(server: PrivatePostgres) -> None:
    give_up_at = time.monotonic() + START_SECONDS
    while time.monotonic() < give_up_at and server.process.poll() is None:
        try:
            psycopg.connect(server.url, connect_timeout=2).close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return
    words = (server.folder / "log").read_text(errors="replace")[-2000:]
    server.stop()
    raise CannotStart(words)


def unprivileged() -> dict[str, Any]:
    """Return the arguments that make a subprocess run as somebody other than root."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise CannotStart("Neither the user postgres nor nobody exists, and initdb refuses root.")


def _end_with_parent() -> None:
    """Make the server stop when the tests are killed; Linux only, elsewhere nothing happens."""
    try:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGINT)
    except (OSError, AttributeError):
        return
