"""Which files count as open to others, and what is closed and what is left alone."""

import os
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from config import private_files


@pytest.fixture
def folder(settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A data folder that an older version or a copy left open."""
    made = tmp_path / "data"
    settings.DATA_DIR = made
    database = settings.DATABASES["default"]
    monkeypatch.setitem(database, "ENGINE", "django.db.backends.sqlite3")
    monkeypatch.setitem(database, "NAME", tmp_path / "elsewhere.sqlite3")
    settings.EMAIL_FILE_PATH = str(tmp_path / "mails")
    for name in (
        "data/secret_key", "data/cueline.sqlite3", "data/cueline.sqlite3-wal", "data/up.lock",
        "data/mail/1.log", "data/exports/people.csv", "elsewhere.sqlite3", "elsewhere.sqlite3-shm",
        "mails/2.log", "mails/not-ours", "beside",
    ):  # fmt: skip
        path = tmp_path / name
        path.parent.mkdir(mode=0o755, exist_ok=True)
        path.touch()
        path.chmod(0o644)
    for opened in (made, made / "mail", made / "exports", tmp_path / "mails"):
        opened.chmod(0o755)
    return made


def modes(folder: Path) -> dict[str, int]:
    """Return what everybody may do, by name."""
    root = folder.parent
    return {str(each.relative_to(root)): each.lstat().st_mode & 0o777 for each in root.rglob("*")}


def test_what_an_older_version_left_open_is_closed(folder: Path) -> None:
    before = len(private_files.exposed())

    private_files.close()

    assert before == 12
    assert private_files.exposed() == []
    after = modes(folder)
    assert {name: mode for name, mode in after.items() if mode & 0o077} == {
        # A folder elsewhere is the operator's; what Cueline writes there is not.
        "mails": 0o755,
        "mails/not-ours": 0o644,
        "beside": 0o644,
    }
    assert (after["data"], after["data/mail"], after["data/secret_key"]) == (0o700, 0o700, 0o600)


def test_a_private_folder_has_nothing_to_close(folder: Path) -> None:
    private_files.close()
    (folder / "locks").mkdir(mode=0o700)

    assert not private_files.is_shared(folder)
    assert private_files.exposed() == []


def test_a_folder_that_others_use_too_is_left_open_and_our_files_in_it_are_not(
    folder: Path,
) -> None:
    (folder / "log").mkdir()
    (folder / "log").chmod(0o755)
    (folder / "passwd").touch()
    (folder / "passwd").chmod(0o644)

    private_files.close()

    after = modes(folder)
    assert (after["data"], after["data/log"], after["data/passwd"]) == (0o755, 0o755, 0o644)
    assert (after["data/secret_key"], after["data/cueline.sqlite3"]) == (0o600, 0o600)
    assert private_files.exposed() == [folder]


def test_a_folder_such_as_tmp_is_left_open(folder: Path) -> None:
    folder.chmod(0o1777)

    private_files.close()

    assert folder.stat().st_mode & 0o7777 == 0o1777
    assert private_files.exposed() == [folder]


def test_links_lead_nowhere(folder: Path) -> None:
    (folder / "link").symlink_to(folder.parent / "beside")
    (folder / "mail" / "lost.log").symlink_to(folder / "nowhere")

    private_files.close()

    assert modes(folder)["beside"] == 0o644


def test_a_link_of_the_name_of_the_folder_is_followed(folder: Path, settings: Settings) -> None:
    link = folder.parent / "link"
    link.symlink_to(folder)
    settings.DATA_DIR = link

    private_files.close()

    assert modes(folder)["data"] == 0o700
    assert private_files.exposed() == []


def test_a_file_with_a_second_name_elsewhere_is_reported_and_left(folder: Path) -> None:
    (folder / "planted").hardlink_to(folder.parent / "beside")

    private_files.close()

    assert modes(folder)["beside"] == 0o644
    assert private_files.exposed() == [folder / "planted"]


@pytest.mark.skipif(os.geteuid() != 0, reason="NOT TRIED: only root can give files away")
def test_files_of_another_account_are_reported_and_left(folder: Path) -> None:
    os.chown(folder / "up.lock", 65534, 65534)

    private_files.close()

    assert private_files.exposed() == [folder / "up.lock"]


def test_a_folder_that_is_not_there_is_no_fault(settings: Settings, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path / "nowhere"
    settings.EMAIL_FILE_PATH = str(tmp_path / "nowhere")

    private_files.close()

    assert [each for each in private_files.exposed() if tmp_path in each.parents] == []
