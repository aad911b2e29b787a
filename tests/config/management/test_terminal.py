"""What `manage.py` says where a command cannot work: one sentence, and what to do."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from config.management.terminal import Terminal
from tests.support.running import ROOT
from tests.support.working import fill_with_tables

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("commands")]

NOT_APPLIED = " migrations are not applied; run manage.py migrate."
TOO_OLD = (
    "This database was made by a version of Cueline before 0.2.0; export its data with that version"
    " and import it into a new database."
)
FORGET = (
    "import django; django.setup(); "
    "from django.db import connection; "
    "connection.cursor().execute(\"UPDATE django_migrations SET name = '0001_initial'"
    " WHERE app IN ('events', 'subscribers')\")"
)


def run(environment: dict[str, str], *arguments: str) -> tuple[int, str]:
    """Run Python and return the exit code and all that was said."""
    given = {**environment, "DJANGO_SETTINGS_MODULE": "config.settings"}
    command = [sys.executable, *arguments]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=given,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        # Most machines', whatever the tests' own is.
        umask=0o022,
    )
    return done.returncode, (done.stdout + done.stderr).strip()


def manage(environment: dict[str, str], *arguments: str) -> tuple[int, str]:
    """Run `manage.py`."""
    return run(environment, "manage.py", *arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        ["create_workspace", "Acme"],
        ["createsuperuser", "--noinput", "--username", "a", "--email", "a@example.com"],
        ["clearsessions"],
    ],
)
def test_without_tables_a_command_says_what_to_do(
    environment: dict[str, str], arguments: list[str]
) -> None:
    Path(environment["DATA_DIR"]).mkdir()

    code, said = manage(environment, *arguments)

    assert code == 1
    assert said.endswith(NOT_APPLIED)
    assert len(said.splitlines()) == 1


def test_the_doctor_says_it_once(environment: dict[str, str]) -> None:
    Path(environment["DATA_DIR"]).mkdir()

    code, said = manage(environment, "doctor")

    assert code == 1
    assert "migrations are not applied.\n     Run manage.py migrate." in said
    assert "1 problem" in said


def test_help_needs_no_tables(environment: dict[str, str]) -> None:
    assert manage(environment, "create_api_key", "--help")[0] == 0
    assert manage(environment, "help", "create_workspace")[0] == 0


def test_a_database_that_is_away_is_one_sentence(environment: dict[str, str]) -> None:
    away = {**environment, "DATABASE_URL": "postgresql://u@127.0.0.1:1/x"}

    code, said = manage(away, "create_workspace", "Acme")

    assert code == 1
    assert said.startswith("The database does not answer (")
    assert len(said.splitlines()) == 1


def test_a_database_of_before_0_2_0_is_refused(environment: dict[str, str]) -> None:
    fill_with_tables(environment)
    assert run(environment, "-c", FORGET)[0] == 0

    assert manage(environment, "migrate") == (1, f"CommandError: {TOO_OLD}")
    assert manage(environment, "create_workspace", "Acme") == (1, TOO_OLD)
    assert manage(environment, "seed_demo") == (1, f"CommandError: {TOO_OLD}")


@pytest.mark.parametrize("name", ["qcluster", "qinfo", "qmemory", "qmonitor"])
def test_the_commands_of_another_worker_name_ours(
    capsys: pytest.CaptureFixture[str], name: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        Terminal(["manage.py", name]).execute()

    said = capsys.readouterr().err
    assert ended.value.code == 1
    assert "own worker" in said
    assert len(said.splitlines()) == 1


def test_what_holds_personal_data_is_its_owner_s_alone(environment: dict[str, str]) -> None:
    folder = Path(environment["DATA_DIR"])
    sqlite = {**environment, "DATABASE_URL": ""}
    assert manage(sqlite, "migrate", "--verbosity", "0") == (0, "")
    manage(sqlite, "create_workspace", "Acme", "--from-email", "acme@example.com")
    code, said = manage(sqlite, "send_test_mail", "a@example.com", "--workspace", "acme")
    assert code == 0, said

    found = {
        str(path.relative_to(folder)): stat.S_IMODE(path.stat().st_mode)
        for path in [folder, *folder.rglob("*")]
    }

    assert {".", "cueline.sqlite3", "mail", "secret_key"} <= set(found)
    assert len(found) > 4
    for name, mode in found.items():
        assert mode == (0o700 if (folder / name).is_dir() else 0o600), name


def test_what_django_s_own_commands_write_is_private_too(environment: dict[str, str]) -> None:
    Path(environment["DATA_DIR"]).mkdir()
    sqlite = {**environment, "DATABASE_URL": ""}

    manage(
        sqlite, "shell", "--no-imports", "-c", "from django.db import connection as c; c.cursor()"
    )

    database = Path(environment["DATA_DIR"], "cueline.sqlite3")
    assert stat.S_IMODE(database.stat().st_mode) == 0o600


@pytest.mark.parametrize(("name", "umask"), [("compilemessages", 0o022), ("migrate", 0o077)])
def test_parts_of_the_program_are_for_everybody_to_read(name: str, umask: int) -> None:
    before = os.umask(0o077)
    try:
        Terminal(["manage.py", "help", name]).fetch_command(name)
    finally:
        given = os.umask(before)

    assert given == umask
