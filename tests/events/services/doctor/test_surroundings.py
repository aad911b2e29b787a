"""Checks of settings, database, worker and mail server, each with its own fault."""

import shlex
import subprocess
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from pytest_django.fixtures import Settings

from config import mail_env
from events.models import Enrollment
from events.services.doctor import database, surroundings, working
from subscribers.models import Installation
from subscribers.services.audits.audits import Audit, Finding, Level
from subscribers.services.workspaces import installation
from tests import factories
from tests.factories.sequences import NOON
from tests.support.ports import free_port
from tests.support.smtp_servers import serve

pytestmark = pytest.mark.django_db
AUDIT = Audit(now=NOON)


def faults(findings: Sequence[Finding]) -> list[str]:
    """Return what is wrong, without facts."""
    return [each.what for each in findings if each.level is not Level.OK]


def use_server(settings: Settings, port: int) -> None:
    settings.EMAIL_BACKEND = mail_env.SMTP_BACKEND
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port


def test_a_local_address_is_a_warning_once_people_get_mail(settings: Settings) -> None:
    settings.PUBLIC_URL = "http://127.0.0.1:8000"
    before = faults(surroundings.public_url(AUDIT))

    settings.EMAIL_BACKEND = mail_env.SMTP_BACKEND

    assert before == []
    assert "on this machine only" in faults(surroundings.public_url(AUDIT))[0]


def test_debug_is_a_warning(settings: Settings) -> None:
    settings.DEBUG = True

    assert faults(surroundings.debugging(AUDIT)) == ["DEBUG is on"]


@pytest.fixture
def folder(settings: Settings, tmp_path: Path) -> Path:
    """A data folder whose name has a blank, with all that it needs."""
    made = tmp_path / "my data"
    (made / "mail").mkdir(parents=True, mode=0o700)
    (made / "secret_key").touch(mode=0o600)
    settings.DATA_DIR = made
    settings.EMAIL_FILE_PATH = str(made / "mail")
    return made


def test_files_that_others_may_read_are_found_with_the_command_that_closes_them(
    folder: Path,
) -> None:
    before = faults(surroundings.files(AUDIT))
    folder.chmod(0o755)
    (folder / "secret_key").chmod(0o644)

    (found,) = surroundings.files(AUDIT)
    command = found.remedy.removeprefix("Run ")
    subprocess.run(shlex.split(command), check=True)

    assert before == []
    assert found.level is Level.PROBLEM
    assert found.what == f"Other accounts of this machine have rights on {folder}, and 1 more"
    assert command == f"chmod -R go-rwx '{folder}'"
    assert faults(surroundings.files(AUDIT)) == []


def test_no_command_closes_a_folder_that_others_use_too(folder: Path) -> None:
    folder.chmod(0o755)
    (folder / "log").mkdir()
    (folder / "log").chmod(0o755)

    (found,) = surroundings.files(AUDIT)

    assert "set DATA_DIR to a folder of its own" in found.remedy
    assert "chmod" not in found.remedy


def test_a_folder_above_in_which_everybody_may_rename_is_found(folder: Path) -> None:
    folder.parent.chmod(0o1777)
    before = faults(surroundings.files(AUDIT))
    folder.parent.chmod(0o777)

    (found,) = surroundings.files(AUDIT)
    subprocess.run(shlex.split(found.remedy.removeprefix("Run ")), check=True)

    assert before == []
    assert found.level is Level.WARNING
    assert found.what.startswith(f"Every account of this machine may write in {folder.parent}")
    assert faults(surroundings.files(AUDIT)) == []


def test_settings_that_stop_mail_are_found(settings: Settings) -> None:
    settings.MAIL_PAUSED, settings.EMAIL_ALLOW = True, ["example.com"]

    paused, allowed = faults(surroundings.mail_brakes(AUDIT))
    assert paused.startswith("MAIL_PAUSED")
    assert allowed.startswith("EMAIL_ALLOW allows mail to example.com")


def test_a_server_that_answers_is_sent_no_mail(settings: Settings) -> None:
    with serve() as server:
        use_server(settings, server.port)
        findings = surroundings.mail_server(AUDIT)

    assert faults(findings) == []
    assert (server.connections, server.mails) == (1, 0)


def test_a_server_that_is_away_is_found(settings: Settings) -> None:
    use_server(settings, free_port())

    (fault,) = faults(surroundings.mail_server(AUDIT))
    assert "accepts no mail" in fault


def test_a_server_that_refuses_is_found_with_its_words(settings: Settings) -> None:
    def refuse(verb: str, *_: int) -> bytes | None:
        return b"554 5.7.1 no mail from you" if verb == "CONNECT" else None

    with serve(refuse) as server:
        use_server(settings, server.port)
        (fault,) = faults(surroundings.mail_server(AUDIT))

    assert "no mail from you" in fault


def test_mails_that_become_files_are_a_warning(settings: Settings, tmp_path: Path) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    settings.EMAIL_FILE_PATH = str(tmp_path)

    (finding,) = surroundings.mail_server(AUDIT)
    assert finding.level is Level.WARNING
    assert str(tmp_path) in finding.what


def test_the_tests_database_is_sound() -> None:
    checks = (
        database.version,
        database.migrations,
        database.connections,
        database.constraints,
        database.secret_key,
    )

    assert [faults(look(AUDIT)) for look in checks] == [[], [], [], [], []]


def test_a_constraint_that_is_gone_is_found() -> None:
    table = "events_steprun"
    name = "step_run_one_per_visit_of_step_in_enrollment"
    if connection.vendor != "postgresql":
        pytest.skip("SQLite would have to create the table again.")
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")

    (finding,) = database.constraints(AUDIT)
    assert (finding.count, finding.example) == (1, name)


def test_an_index_that_is_gone_is_found() -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP INDEX enrollment_due")

    (finding,) = database.constraints(AUDIT)
    assert (finding.count, finding.example) == (1, "enrollment_due")


def test_another_secret_key_is_found(settings: Settings) -> None:
    installation.check_secret_key(secret_key="the first key of this installation")

    (fault,) = faults(database.secret_key(AUDIT))
    assert fault.startswith("SECRET_KEY is not the one")


def test_looking_at_the_secret_key_keeps_nothing() -> None:
    database.secret_key(AUDIT)

    assert not Installation.objects.exists()


def test_no_worker_is_found() -> None:
    assert faults(working.alive(AUDIT)) == ["No worker runs"]


def test_a_worker_with_a_heartbeat_is_a_fact() -> None:
    factories.WorkerFactory.create()

    (finding,) = working.alive(AUDIT)
    assert finding.what == "1 worker; the last heartbeat is 0 s old."


def test_two_hosts_on_one_file_are_found() -> None:
    factories.WorkerFactory.create_batch(2)

    found = faults(working.one_host_on_sqlite(AUDIT))
    assert len(found) == (1 if connection.vendor == "sqlite" else 0)


def test_an_enrollment_that_has_been_due_for_long_is_found() -> None:
    factories.EnrollmentFactory.create(due_at=NOON - timedelta(minutes=20))

    (finding,) = working.late_enrollments(AUDIT)
    assert (finding.what, finding.count) == ("Enrollments are due, the oldest for 20 min", 1)


def test_an_enrollment_that_is_just_due_is_a_fact() -> None:
    factories.EnrollmentFactory.create(status=Enrollment.Status.ACTIVE, due_at=NOON)

    assert faults(working.late_enrollments(AUDIT)) == []


def test_a_mail_that_has_been_due_for_long_is_found() -> None:
    email = factories.OutgoingEmailFactory.create(due_at=NOON - timedelta(minutes=20))

    (finding,) = working.late_mail(AUDIT)
    assert finding.example == email.public_id
