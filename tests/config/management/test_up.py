"""`up` as people start it: real processes, real signals, a real port."""

import contextlib
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.ports import free_port
from tests.support.running import ROOT, SECONDS_TO_STOP, Running, Start
from tests.support.working import children_of, fill_with_tables, kill, line, value_of

pytestmark = pytest.mark.live

START_WITHOUT_PATIENCE = (
    "import django; django.setup(); "
    "from config.management.commands import up; up.SECONDS_FOR_DATABASE = 1; "
    "from django.core.management import execute_from_command_line as run; "
    "run(['manage.py', 'up', *__import__('sys').argv[1:]])"
)


def run_to_its_end(environment: dict[str, str], *arguments: str) -> tuple[int, str]:
    """Run `up` and return its exit code and all that it said."""
    command = [sys.executable, *(arguments or ("manage.py", "up", "--port", str(free_port())))]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, timeout=60, check=False
    )
    return done.returncode, (done.stdout + done.stderr).decode().strip()


def test_from_an_empty_folder_to_a_recorded_event_and_back(start: Start) -> None:
    first = start()
    first.wait_until_it_runs()
    path, headers, body = first.printed_call()

    status, answer = first.send("POST", path, body=body, headers=headers)

    assert (status, answer["subscriber"]["created"]) == (200, True)
    assert answer["events"][0]["definitionCreated"] is True
    assert first.send("GET", "/healthz")[0] == 200
    assert first.send("GET", "/readyz")[0] == 200
    check_chunked_bodies(first, path, headers)
    key = headers["Authorization"].removeprefix("Bearer ")
    password = re.search(r"Password +(\S+)", first.first_run())
    assert password
    assert first.stop(signal.SIGTERM) == 0
    ended = first.log.read_text()
    assert ended.rstrip().endswith("Stopped.")
    (kept,) = first.folder.glob("first-run-*.txt")
    assert f"First run. Password and API key are in {kept}." in ended
    # A service manager keeps what is printed.
    assert (ended.count(key), ended.count(password[1])) == (0, 0)

    second = start()
    printed = second.wait_until_it_runs()
    status, answer = second.send("POST", path, body=body, headers=headers)

    assert (status, answer["subscriber"]["created"]) == (200, False)
    assert "First run" not in printed
    assert "cue_" not in printed
    assert [*second.folder.glob("first-run-*.txt")] == [kept]
    assert second.stop(signal.SIGINT) == 0
    with pytest.raises(ConnectionRefusedError):
        second.send("GET", "/healthz")


def test_on_a_terminal_the_secrets_are_shown_and_no_file_keeps_them(
    environment: dict[str, str],
) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "manage.py", "up", "--port", str(free_port())]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=theirs, stdout=theirs, stderr=theirs
    ) as running:
        os.close(theirs)
        shown = b""
        while b"/admin/   (Ctrl-C" not in shown and running.poll() is None:
            shown += os.read(ours, 4096)
        running.send_signal(signal.SIGTERM)
        with contextlib.suppress(OSError):  # the terminal's end
            while os.read(ours, 4096):
                pass
    os.close(ours)

    text = shown.decode()
    assert "This is shown once; keep it." in text
    assert re.search(r"Password +\S{24}", text)
    assert "curl -X POST" in text
    assert [*Path(environment["DATA_DIR"]).glob("first-run*")] == []


def test_a_second_one_in_the_folder_is_refused_and_others_know_the_address(
    environment: dict[str, str], start: Start
) -> None:
    fill_with_tables(environment)
    running = start()
    running.wait_until_it_runs()
    url = f"http://127.0.0.1:{running.port}"

    code, said = run_to_its_end(environment)
    _, doctor = run_to_its_end(environment, "manage.py", "doctor")
    _, elsewhere = run_to_its_end(
        {**environment, "PUBLIC_URL": "http://localhost:1"}, "manage.py", "doctor"
    )

    process = running.process.pid
    sentence = f"Cueline already runs in this folder (process {process}, {url})."
    assert (code, said) == (1, f"CommandError: {sentence}")
    assert f"PUBLIC_URL is {url}" in doctor
    assert "PUBLIC_URL is http://localhost:1" in elsewhere
    assert running.send("GET", "/healthz")[0] == 200


def test_another_secret_key_is_refused_before_anything_starts(environment: dict[str, str]) -> None:
    Path(environment["DATA_DIR"]).mkdir()
    fill_with_tables(environment)
    kept = {**environment, "SECRET_KEY": "the key of this installation, which is long enough"}
    run_to_its_end(kept, "manage.py", "worker", "--accept-new-secret-key")

    code, said = run_to_its_end(
        {**kept, "SECRET_KEY": "another key of an installation, which is long enough"}
    )

    assert code == 1
    assert said.startswith("CommandError: SECRET_KEY is not the one that this installation began")
    assert "Traceback" not in said


def check_chunked_bodies(running: Running, path: str, headers: dict[str, str]) -> None:
    """A body without a length is read; one that never ends is refused, and the server lives on."""
    body = b'{"email": "ada@example.com", "events": [{"name": "chunked"}]}'
    megabyte = b" " * 1024 * 1024

    status, answer = running.send("POST", path, body=iter([body[:9], body[9:]]), headers=headers)
    assert (status, answer["events"][0]["name"]) == (200, "chunked")
    status, answer = running.send("POST", path, body=iter([body, *[megabyte] * 6]), headers=headers)
    assert (status, answer["error"]["code"]) == (413, "PAYLOAD_TOO_LARGE")
    assert running.send("GET", "/healthz")[0] == 200


def test_a_killed_parent_leaves_nobody_behind(environment: dict[str, str], start: Start) -> None:
    fill_with_tables(environment)
    running = start()
    running.wait_until_it_runs()

    running.process.kill()
    running.process.wait()

    give_up_at = time.monotonic() + SECONDS_TO_STOP
    while time.monotonic() < give_up_at:
        try:
            running.send("GET", "/healthz")
        except OSError:
            return
        time.sleep(0.2)
    raise AssertionError("The web process outlives its parent.")


def test_a_killed_worker_and_a_killed_web_are_started_again(
    environment: dict[str, str], start: Start
) -> None:
    fill_with_tables(environment)
    running = start()
    running.wait_until_it_runs()
    beats = "SELECT count(beat_at) FROM events_worker"
    wait_until(running, lambda: value_of(environment, beats) == 1)

    kill(child(running, "manage.py worker"))
    # The web takes events meanwhile.
    assert running.send("GET", "/readyz")[0] == 200
    wait_until(running, lambda: value_of(environment, beats) == 2)
    first = child(running, "granian")
    kill(first)
    wait_until(running, lambda: child(running, "granian") not in {0, first})
    wait_until(running, lambda: answers(running))

    said = running.log.read_text()
    assert "The worker process ended by itself (-9); it starts again in 1 s." in said
    assert "The web process ended by itself (-9); it starts again in 1 s." in said
    assert running.stop(signal.SIGTERM) == 0


def child(running: Running, words: str) -> int:
    """Return the process id of a child of `up` by its command line; 0 while there is none."""
    found = (each for each in children_of(running.process.pid) if words in line(each))
    return next(found, 0)


def answers(running: Running) -> bool:
    try:
        status, _ = running.send("GET", "/healthz")
    except OSError:
        return False
    return status == 200


def wait_until(running: Running, is_reached: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + SECONDS_TO_STOP
    while not is_reached():
        assert time.monotonic() < give_up_at, running.log.read_text()
        time.sleep(0.2)


def test_a_busy_port_is_one_sentence(environment: dict[str, str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        port = str(taken.getsockname()[1])

        code, said = run_to_its_end(environment, "manage.py", "up", "--port", port)

    assert code == 1
    assert said == (
        f"CommandError: Cannot listen on 127.0.0.1, port {port}: Address already in use. "
        "Choose another with --port."
    )


@pytest.mark.parametrize("port", ["0", "65536", "x"])
def test_a_port_that_is_none_is_one_sentence(environment: dict[str, str], port: str) -> None:
    code, said = run_to_its_end(environment, "manage.py", "up", "--port", port)

    assert code == 2
    assert said.splitlines()[-1].endswith("argument --port: must be a number from 1 to 65535")


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("DATABASE_URL", "postgresql://u@127.0.0.1:1/x", "The database cannot be reached: "),
        ("DATABASE_URL", "sqlite:////nowhere/at/all.sqlite3", "The database cannot be reached: "),
        ("DATABASE_URL", "mysql://x", "Setting DATABASE_URL: expected a URL that begins with"),
        ("DATA_DIR", "/proc/cueline", "Setting DATA_DIR: the secret key cannot be kept in"),
        ("DATA_DIR", "/dev/null", "Setting DATA_DIR: /dev/null is not a folder."),
        ("RATE_LIMIT", "many", "Setting RATE_LIMIT: expected a whole number, got 'many'."),
    ],
)
def test_what_stops_the_start_is_one_sentence(
    environment: dict[str, str], variable: str, value: str, words: str
) -> None:
    changed = {
        **environment,
        variable: value,
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }

    code, said = (
        run_to_its_end(changed, "-c", START_WITHOUT_PATIENCE, "--port", str(free_port()))
        if value.startswith("postgresql")
        else run_to_its_end(changed)
    )

    last = said.splitlines()[-1]
    assert code == 1
    assert words in last
    assert "Traceback" not in said
