"""What goes wrong in a soak: processes killed, the database and the disk away, mail moods, clocks.

Each fault is put right by itself after some seconds. Faults follow each other at random, by a seed,
and each has a line in the timeline.
"""

import contextlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from tests.support.private_postgres import PrivatePostgres
from tests.support.running import Running
from tests.support.slow_mail import Pause
from tests.support.smtp_server import Action, Fault, SmtpServer, Stage
from tests.support.working import children_of, line

MOODS: list[tuple[Stage, Action] | None] = [
    None,
    None,
    (Stage.GREETING, "421 Not now"),
    (Stage.GREETING, Fault.HANG),
    (Stage.MAIL, "451 Later"),
    (Stage.MAIL, Fault.CLOSE),
    (Stage.RCPT, "550 Nobody here"),
    (Stage.MESSAGE, "452 Full"),
    (Stage.MESSAGE, Fault.CLOSE),
    (Stage.MESSAGE, Pause(0.5)),
]
# Ahead by less than a test can wait for: what was put off by such a clock is due by the right one.
CLOCKS = ["+0s", "-20m", "-40s", "+45s"]
BLOCK = b"\0" * (1 << 20)


@contextlib.contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[bool]:
    """Mount a small file system at a folder; False where that is not allowed."""
    folder.mkdir(mode=0o755)
    folder.chmod(0o755)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0755", "tmpfs", str(folder)]
    try:
        is_mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except OSError:
        is_mounted = False
    try:
        yield is_mounted
    finally:
        if is_mounted:
            subprocess.run(["umount", "--lazy", str(folder)], check=False)


@dataclass
class Chaos:
    """The running installation, and what may happen to it."""

    # Starts `up` with a clock that is set so far.
    start: Callable[[str | None], Running]
    mail: SmtpServer
    choose: random.Random
    environment: dict[str, str]
    postgres: PrivatePostgres | None = None
    disk: Path | None = None
    # How far the clock of the next `up` is from the right one; None where it cannot be set.
    clock: str | None = None
    timeline: list[str] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)
    is_over: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.running = self.start(self.clock)

    def note(self, text: str) -> None:
        entry = f"{time.monotonic() - self.began:7.1f} s  {text}"
        self.timeline.append(entry)
        sys.stdout.write(f"{entry}\n")
        sys.stdout.flush()

    def run(self, seconds: float) -> None:
        """Let things go wrong for so long; then nothing is wrong any more."""
        faults = [
            self.kill_web, self.kill_part, self.kill_pool_process, self.kill_supervisor,
            self.kill_all, self.change_mood, self.change_mood, self.lock_or_crash_database,
        ]  # fmt: skip
        if self.postgres:
            faults.append(self.make_read_only)
        if self.disk:
            faults.append(self.fill_disk)
        if self.clock:
            faults.append(self.set_clock)
        until = time.monotonic() + seconds
        keeper = threading.Thread(target=self.keep_running)
        keeper.start()
        try:
            while time.monotonic() < until:
                self.choose.choice(faults)()
                time.sleep(self.choose.uniform(1, 5))
        finally:
            self.mail.behave()
            if self.clock not in {None, "+0s"}:
                self.clock = "+0s"
                self.kill_all()
            self.note("nothing is wrong from now on")
            self.keep_database_running()
            self.keeper = keeper

    def stop(self) -> None:
        self.is_over.set()
        self.keeper.join()
        if self.running.process.poll() is None:
            self.running.stop(signal.SIGTERM)

    def keep_running(self) -> None:
        """Start `up` again when it has ended, as systemd would."""
        while not self.is_over.wait(0.5):
            if self.running.process.poll() is not None:
                self.note(f"up ended ({self.running.process.returncode}), and is started again")
                self.running = self.start(self.clock)
                self.is_over.wait(2)

    # --- Processes -------------------------------------------------------------------------------

    def everybody(self) -> list[int]:
        found, waiting = [], [self.running.process.pid]
        while waiting:
            found.append(waiting[-1])
            waiting += children_of(waiting.pop())
        return found

    def kill(self, what: str, *marks: str) -> None:
        """Kill one of the processes whose command line has every mark."""
        ours = [each for each in self.everybody() if all(mark in line(each) for mark in marks)]
        if ours:
            victim = self.choose.choice(ours)
            self.note(f"kill -9 {what}")
            with contextlib.suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)

    def kill_web(self) -> None:
        self.kill("a web process", "granian")

    def kill_part(self) -> None:
        part = self.choose.choice(["ticker", "pool"])
        self.kill(f"the {part}", f"--part {part} ")

    def kill_pool_process(self) -> None:
        self.kill("a process of the pool or the pool", "--part pool ")

    def kill_supervisor(self) -> None:
        ours = [each for each in self.everybody() if line(each).endswith("manage.py worker ")]
        if ours:
            self.note("kill -9 the supervisor")
            os.kill(ours[0], signal.SIGKILL)

    def kill_all(self) -> None:
        self.note("kill -9 everything")
        for each in self.everybody():
            with contextlib.suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)

    # --- What they need --------------------------------------------------------------------------

    def change_mood(self) -> None:
        mood = self.choose.choice(MOODS)
        self.mail.behave()
        if mood:
            self.mail.always(*mood)
        action = mood[1] if mood else "well"
        said = action if isinstance(action, str | Fault) else f"{type(action).__name__}s"
        self.note(f"the mail server: {mood[0] if mood else ''} {said}")

    def lock_or_crash_database(self) -> None:
        seconds = self.choose.uniform(0.5, 4)
        if self.postgres:
            self.note(f"the database is away for {seconds:.1f} s")
            self.postgres.crash()
            time.sleep(seconds)
            self.keep_database_running()
            return
        self.note(f"the database is locked for {seconds:.1f} s")
        name = Path(self.environment["DATA_DIR"]) / "cueline.sqlite3"
        file = sqlite3.connect(name, timeout=20)
        with contextlib.closing(file), contextlib.suppress(sqlite3.OperationalError):
            file.execute("BEGIN IMMEDIATE")
            time.sleep(seconds)
            file.rollback()

    def keep_database_running(self) -> None:
        give_up_at = time.monotonic() + 30
        while self.postgres and self.postgres.process.poll() is not None:
            assert time.monotonic() < give_up_at, "PostgreSQL does not start again."
            self.postgres.start_again()

    def make_read_only(self) -> None:
        seconds = self.choose.uniform(1, 4)
        self.note(f"the database is read-only for {seconds:.1f} s")
        self._set_read_only("on")
        time.sleep(seconds)
        self._set_read_only("off")

    def _set_read_only(self, word: str) -> None:
        assert self.postgres
        with psycopg.connect(self.postgres.url, autocommit=True) as connection:
            connection.execute(f"ALTER SYSTEM SET default_transaction_read_only = {word}")
            connection.execute("SELECT pg_reload_conf()")

    def fill_disk(self) -> None:
        assert self.disk
        seconds = self.choose.uniform(1, 3)
        self.note(f"the disk is full for {seconds:.1f} s")
        ballast = self.disk / "ballast"
        with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
            while file.write(BLOCK):
                pass
        time.sleep(seconds)
        ballast.unlink()
        self.keep_database_running()

    def set_clock(self) -> None:
        """Begin anew with another clock, which the database of a server does not share.

        A clock that jumps in a process that runs would move its monotonic clock too: faketime can
        leave that alone, but then refuses Python's sleeps.
        """
        self.clock = self.choose.choice(CLOCKS)
        self.note(f"the clock is set to {self.clock}")
        self.kill_all()
