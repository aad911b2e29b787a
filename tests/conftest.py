"""Gives the tests a database of their own, and says which one.

PostgreSQL is started privately when its binaries are found, else SQLite is used;
`TEST_DATABASE=sqlite` or `TEST_DATABASE=postgresql` decides. The caller's settings are not read.
"""

import gc
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest
from django.conf import settings
from django.test import override_settings
from django.test.signals import setting_changed

from subscribers import ids
from tests.support import private_postgres, temporary

if TYPE_CHECKING:
    from collections.abc import Iterator

    from subscribers.models import Workspace
    from tests.support.calling import Caller

# On a busy machine any example may take long.
hypothesis.settings.register_profile("unhurried", deadline=None)
hypothesis.settings.load_profile("unhurried")
pytest_plugins = ["tests.support.running", "tests.support.working"]
SETTING_NAMES = re.compile(r'env\.read_\w+\(\s*"([A-Z0-9_]+)"')
database_name = pytest.StashKey[str]()


def pytest_configure(config: pytest.Config) -> None:
    """Choose the database before pytest-django reads the settings; xdist's workers inherit it."""
    if hasattr(config, "workerinput"):
        config.stash[database_name] = os.environ["CUELINE_TEST_DATABASE"]
        # A folder for each worker: what one locks there is not locked for the others.
        own = Path(os.environ["DATA_DIR"], config.workerinput["workerid"])
        own.mkdir(mode=0o700)
        os.environ["DATA_DIR"] = str(own)
        return
    if "DJANGO_SETTINGS_MODULE" in os.environ:
        raise pytest.UsageError("Unset DJANGO_SETTINGS_MODULE: the tests bring their own settings.")
    source = Path(__file__).parent.parent.joinpath("config", "settings.py").read_text()
    for name in SETTING_NAMES.findall(source):
        os.environ.pop(name, None)
    folder = temporary.make(prefix="cueline-tests-")
    config.add_cleanup(lambda: temporary.remove(folder))
    os.environ["DATA_DIR"] = str(folder)
    os.environ["SECRET_KEY"] = "for-tests-only-" * 5
    os.environ["RATE_LIMIT"] = "0"
    os.environ["CUELINE_TEST_DATABASE"] = config.stash[database_name] = _choose_database(config)
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    # pytest-django sets Django up after this, where the settings have been read.
    _ = settings.DATABASES


def pytest_report_header(config: pytest.Config) -> str:
    """Say which database the run uses."""
    return f"database: {config.stash[database_name]}"


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say it again where it is read."""
    name = config.stash[database_name]
    colour = {"green": True} if name.startswith("PostgreSQL") else {"yellow": True, "bold": True}
    terminalreporter.section(f"database: {name}", sep="=", **colour)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what only means something on PostgreSQL; keep real processes from each other.

    With `--dist loadgroup` the tests of faults run one after another beside the rest, and so do
    the others that start processes, and those that start a browser. Short processes that wait for
    nothing have a group of their own, `commands`.
    """
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.xdist_group("browser"))
        elif item.get_closest_marker("live") and not item.get_closest_marker("xdist_group"):
            is_of_faults = "tests/faults/" in item.nodeid
            item.add_marker(pytest.mark.xdist_group("faults" if is_of_faults else "processes"))
    if config.stash[database_name].startswith("PostgreSQL"):
        return
    skip = pytest.mark.skip(reason="only meaningful on PostgreSQL")
    for item in items:
        if item.get_closest_marker("postgresql"):
            item.add_marker(skip)


def pytest_collection_finish() -> None:
    """Thousands of tests and all modules stay: the garbage collector need not look at them."""
    gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Run one worker more than there are cores: tests that start processes mostly wait."""
    return (os.cpu_count() or 1) + 1


def _choose_database(config: pytest.Config) -> str:
    wanted = os.environ.get("TEST_DATABASE", "").strip().lower()
    if wanted not in {"", "sqlite", "postgresql"}:
        raise pytest.UsageError("TEST_DATABASE must be sqlite or postgresql.")
    if wanted == "sqlite":
        return "SQLite (asked for by TEST_DATABASE)"
    binaries = private_postgres.find_binaries()
    if binaries is None:
        if wanted:
            raise pytest.UsageError("TEST_DATABASE=postgresql, but initdb was not found.")
        return "SQLITE ONLY: PostgreSQL's binaries were not found"
    try:
        server = private_postgres.start(binaries)
    except private_postgres.CannotStart as error:
        raise pytest.UsageError(f"PostgreSQL did not start: {error}") from error
    config.add_cleanup(server.stop)
    os.environ["DATABASE_URL"] = server.url
    return f"PostgreSQL, private, from {binaries}"


@pytest.fixture(autouse=True)
def forget_settings_when_a_test_changes_them() -> "Iterator[None]":
    """In production settings do not change, so what is made of them is made once."""
    from config.http import security_headers  # noqa: PLC0415 - Django is set up by now
    from events.services.ingestion import request  # noqa: PLC0415 - as above

    def forget(**_: object) -> None:
        request.current_limits.cache_clear()
        security_headers.security_headers.cache_clear()

    setting_changed.connect(forget)
    yield
    setting_changed.disconnect(forget)


@pytest.fixture(scope="session", autouse=True)
def hash_passwords_quickly() -> "Iterator[None]":
    """The product's hasher takes a quarter of a second of CPU for a password, on purpose."""
    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        yield


@pytest.fixture(autouse=True)
def make_ids_of_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ids never go back, so a test that moves the clock ahead would leave the next one's there."""
    monkeypatch.setattr(ids, "_last_millisecond", 0)


@pytest.fixture
def workspace(db: None) -> "Workspace":
    """A workspace without rules or default lists."""
    from subscribers.services.workspaces import workspaces  # noqa: PLC0415 - Django is set up by now

    return workspaces.create(name="Acme")


@pytest.fixture
def caller(workspace: "Workspace") -> "Caller":
    """An application of that workspace, whose key may do everything."""
    return new_caller(workspace)


@pytest.fixture
def stranger(db: None) -> "Caller":
    """An application of another workspace."""
    from subscribers.services.workspaces import workspaces  # noqa: PLC0415 - Django is set up by now

    return new_caller(workspaces.create(name="Strangers", slug="strangers"))


def new_caller(workspace: "Workspace") -> "Caller":
    """Return an application with a fresh key of the workspace."""
    from subscribers.services.workspaces import api_keys  # noqa: PLC0415 - Django is set up by now
    from tests.support.calling import Caller  # noqa: PLC0415 - imports models

    return Caller(workspace=workspace, key=api_keys.create(workspace=workspace, name="app").text)
