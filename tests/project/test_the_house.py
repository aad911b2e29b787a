"""What holds for the whole repository: its docs tell the truth, its files stay small."""

import ast
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from django.utils.module_loading import import_string

from events import enqueue
from events.worker.jobs import JOBS

ROOT = Path(__file__).parents[2]
LONGEST_FILE = 400
TOP_LEVEL = {
    "CHANGELOG.md", "LICENSE", "README.md", "config", "events", "manage.py", "pyproject.toml",
    "subscribers", "templates", "tests",
}  # fmt: skip
READERS = re.compile(r'env\.read_\w+\(\s*"([A-Z0-9_]+)"')
ROW = re.compile(r"^\| `([A-Z0-9_]+)` \| (.+?) \| ", re.MULTILINE)
DEFAULTS = re.compile(r'"([A-Z0-9_]+)", default=([0-9][0-9_ *]*)[,)]')


def git(*arguments: str) -> list[str]:
    """Return the lines that git prints; outside a whole clone there is nothing to check."""
    done = subprocess.run(
        ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    if done.returncode:
        pytest.skip("not a git clone with its history")
    return done.stdout.splitlines()


def tracked() -> list[Path]:
    """Return the files that git knows."""
    return [ROOT / name for name in git("ls-files") if (ROOT / name).exists()]


def run(*arguments: str, **environment: str) -> tuple[int, str]:
    """Run `manage.py` in an environment of its own."""
    inherited = {"PATH": os.environ["PATH"], "DATA_DIR": os.environ["DATA_DIR"]}
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout + done.stderr


def test_the_table_of_settings_is_what_the_settings_read() -> None:
    source = (ROOT / "config/settings.py").read_text()
    table = dict(ROW.findall((ROOT / "templates/docs/settings.md").read_text()))

    assert set(table) == set(READERS.findall(source))
    for name, default in DEFAULTS.findall(source):
        number = 1
        for factor in default.split("*"):
            number *= int(factor)
        assert table[name] == f"`{number}`", name


def test_the_example_names_every_setting() -> None:
    example = (ROOT / ".env.example").read_text()
    named = set(re.findall(r"^#? ?([A-Z0-9_]+)=", example, re.MULTILINE))

    assert named == set(READERS.findall((ROOT / "config/settings.py").read_text()))


def test_only_the_agreed_names_stand_at_the_top() -> None:
    names = {path.relative_to(ROOT).parts[0] for path in tracked()}

    assert {name for name in names if not name.startswith(".")} == TOP_LEVEL


def test_no_file_is_too_long() -> None:
    code = [
        path
        for path in tracked()
        if path.suffix in {".py", ".html"} and path.parent.name != "migrations"
    ]
    too_long = [str(path) for path in code if len(path.read_text().splitlines()) > LONGEST_FILE]

    assert len(code) > 100
    assert too_long == []


@pytest.mark.parametrize("app", ["events", "subscribers"])
def test_no_two_public_classes_of_an_app_share_a_name(app: str) -> None:
    code = [path for path in tracked() if path.suffix == ".py" and path.is_relative_to(ROOT / app)]
    names = [
        node.name
        for path in code
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    ]
    repeated = {name for name, times in Counter(names).items() if times > 1}

    assert len(names) > 100
    # Django finds these by their names.
    assert repeated <= {"Command", "Migration"}


def test_migrations_of_a_release_stay_as_they_are() -> None:
    """From the first release on migrations are appended; `.github/RELEASES` has the commits."""
    released = [line.split() for line in (ROOT / ".github/RELEASES").read_text().splitlines()]
    version, commit = released[-1]

    assert f"\n## {version} - " in (ROOT / "CHANGELOG.md").read_text()
    migrations = ("--", "*/migrations/0*.py")
    assert git("diff", "--name-only", "--diff-filter=DMR", commit, *migrations) == []


def test_every_task_that_the_worker_queues_can_be_found() -> None:
    paths = [job.call.task for job in JOBS]
    paths += [enqueue.PROBE, "events.tasks.advance", "events.tasks.send_queued"]

    assert all(callable(import_string(path)) for path in paths)


@pytest.mark.parametrize(
    ("unsafe", "name"),
    [
        ({"DEBUG": "true"}, "DEBUG"),
        ({"SECRET_KEY": "short"}, "SECRET_KEY"),
        ({"PUBLIC_URL": "http://mail.example.com"}, "PUBLIC_URL"),
        ({"ALLOWED_HOSTS": "*"}, "ALLOWED_HOSTS"),
        ({"DATABASE_URL": "postgresql://127.0.0.1/cueline?pool=true"}, "DATABASE_URL"),
    ],
)
def test_production_refuses_an_unsafe_setting(unsafe: dict[str, str], name: str) -> None:
    code, said = run("check", **{"PUBLIC_URL": "https://mail.example.com", **unsafe})

    assert code == 1
    assert f"Setting {name}: " in said
    assert "Traceback" not in said


def test_production_settings_pass_the_deployment_check() -> None:
    code, said = run(
        "check", "--deploy", "--fail-level", "WARNING", PUBLIC_URL="https://mail.example.com"
    )

    assert code == 0, said
