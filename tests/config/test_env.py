"""Readers of environment variables: what they take, and what stops the start."""

import codecs
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from config import env
from tests.support import temporary

Read = Callable[[], Any]
NAME = "CUELINE_TEST"
SERVICE, OTHER = 65533, 65534
as_root = pytest.mark.skipif(
    os.geteuid() != 0, reason="NOT TRIED: only root can act as another account"
)


def value_of(monkeypatch: pytest.MonkeyPatch, text: str | None, read: Read) -> Any:
    """Set the variable and read it."""
    if text is None:
        monkeypatch.delenv(NAME, raising=False)
    else:
        monkeypatch.setenv(NAME, text)
    return read()


@pytest.mark.parametrize(
    ("text", "expected"),
    [(None, False), ("", False), (" TRUE ", True), ("1", True), ("on", True), ("no", False)],
)
def test_a_flag(monkeypatch: pytest.MonkeyPatch, text: str | None, expected: bool) -> None:
    assert value_of(monkeypatch, text, lambda: env.read_flag(NAME, default=False)) is expected


@pytest.mark.parametrize(
    ("text", "expected"), [(None, 7), ("  ", 7), ("5", 5), (" 9 ", 9), ("-3", -3)]
)
def test_a_whole_number(monkeypatch: pytest.MonkeyPatch, text: str | None, expected: int) -> None:
    read = partial(env.read_integer, NAME, default=7, least=-3, most=9)

    assert value_of(monkeypatch, text, read) == expected


def test_words(monkeypatch: pytest.MonkeyPatch) -> None:
    assert value_of(monkeypatch, " a, ,b ,", lambda: env.read_words(NAME)) == ["a", "b"]


def refusals() -> list[tuple[str, Read]]:
    """Return values that must stop the start, with the reader of each."""
    integer = partial(env.read_integer, NAME, default=1, least=0, most=9)
    url = partial(env.read_url, NAME, default="", schemes=("postgresql",))
    public = partial(env.read_public_url, NAME, default="", is_debug=False)
    hosts = partial(env.read_hosts, NAME, public_url="https://mail.example.com", is_debug=False)
    networks = partial(env.read_networks, NAME, default="::1")
    return [
        ("maybe", lambda: env.read_flag(NAME, default=False)),
        *((text, integer) for text in ("x", "1.5", "10", "-1", "9" * 30, "٣", "1e3")),
        ("red", lambda: env.read_choice(NAME, default="a", choices=("a", "b"))),
        ("/dev/null", lambda: env.read_folder(NAME, default=Path("/x"))),
        *((text, url) for text in ("mysql://x", "postgresql://h:99999/x", "http://[", "plain")),
        *(
            (text, public)
            for text in (
                "http://mail.example.com",
                "https://mail.example.com/path",
                "https://mail.example.com?q",
                "https://u@mail.example.com",
                "mail.example.com",
                "https://",
            )
        ),
        ("*", hosts),
        *((text, networks) for text in ("proxy", "10.0.0.0/33", "10.0.0.1/8", "0.0.0.0/0", "::/0")),
        ("short", lambda: env.read_secret_key(NAME, folder=Path("/x"))),
        ("django-insecure-" + "x" * 60, lambda: env.read_secret_key(NAME, folder=Path("/x"))),
    ]


@pytest.mark.parametrize(("text", "read"), refusals())
def test_a_value_that_cannot_be_used_names_its_variable(
    monkeypatch: pytest.MonkeyPatch, text: str, read: Read
) -> None:
    with pytest.raises(env.SettingError, match=f"^Setting {NAME}: ") as refused:
        value_of(monkeypatch, text, read)

    assert refused.value.name == NAME
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://mail.example.com/", "https://mail.example.com"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://[::1]:8000", "http://[::1]:8000"),
        ("http://cueline.localhost", "http://cueline.localhost"),
    ],
)
def test_the_public_address(monkeypatch: pytest.MonkeyPatch, text: str, expected: str) -> None:
    read = partial(env.read_public_url, NAME, default="", is_debug=False)

    assert value_of(monkeypatch, text, read) == expected


def test_debug_is_refused_on_a_public_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, "https://mail.example.com")

    with pytest.raises(env.SettingError, match=r"^Setting DEBUG: "):
        env.read_public_url(NAME, default="", is_debug=True)


def test_the_public_host_and_this_machine_are_always_served(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(NAME, "api.example.com")

    hosts = env.read_hosts(NAME, public_url="https://[2001:db8::1]:8000", is_debug=False)

    assert hosts == ["127.0.0.1", "[2001:db8::1]", "[::1]", "api.example.com", "localhost"]


def test_a_secret_key_is_made_once_and_for_its_owner_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv(NAME, raising=False)
    folder = tmp_path / "new"

    first = env.read_secret_key(NAME, folder=folder)
    second = env.read_secret_key(NAME, folder=folder)

    assert first == second
    assert len(first) >= env.SHORTEST_SECRET_KEY
    assert (folder / "secret_key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in folder.iterdir()] == ["secret_key"]


def test_a_secret_key_of_any_letters_is_read_from_its_file(tmp_path: Path) -> None:
    # As `restore` writes it there, after an installation had it in its environment.
    (tmp_path / "secret_key").write_text("ключ" * 20, encoding="utf-8")

    assert env.read_secret_key(NAME, folder=tmp_path) == "ключ" * 20


def test_a_secret_key_that_cannot_be_kept_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv(NAME, raising=False)
    (tmp_path / "file").write_text("")

    with pytest.raises(env.SettingError, match=r"^Setting DATA_DIR: "):
        env.read_secret_key(NAME, folder=tmp_path / "file")


def test_a_token_is_optional_and_never_short(monkeypatch: pytest.MonkeyPatch) -> None:
    read = partial(env.read_token, NAME)

    assert value_of(monkeypatch, None, read) == ""
    assert value_of(monkeypatch, "x" * 20, read) == "x" * 20
    with pytest.raises(env.SettingError, match=r"^Setting CUELINE_TEST: needs at least 20"):
        value_of(monkeypatch, "x" * 19, read)


@pytest.fixture
def data(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of root in which everybody may write, as the account of a service sees it."""
    monkeypatch.delenv(NAME, raising=False)
    folder = temporary.make(prefix="cueline-owners-")
    folder.chmod(0o1777)
    # That account may not read Python's folder, and what it does not find is missing ever after.
    codecs.lookup("ascii")
    os.seteuid(SERVICE)
    yield folder
    os.seteuid(0)
    temporary.remove(folder)


@as_root
def test_the_keys_of_root_and_of_this_account_are_taken(data: Path) -> None:
    own = env.read_secret_key(NAME, folder=data)
    os.seteuid(0)
    os.chown(data / "secret_key", 0, 0)
    (data / "secret_key").chmod(0o644)
    os.seteuid(SERVICE)

    assert env.read_secret_key(NAME, folder=data) == own


@as_root
def test_a_link_that_another_account_put_there_is_no_key(data: Path) -> None:
    os.seteuid(0)
    (data / "known").write_text("what everybody of this machine may read " * 2)
    (data / "known").chmod(0o644)
    os.seteuid(OTHER)
    (data / "secret_key").symlink_to(data / "known")
    os.seteuid(0)
    os.seteuid(SERVICE)

    with pytest.raises(env.SettingError, match="belongs to"):
        env.read_secret_key(NAME, folder=data)


@as_root
def test_root_works_in_the_folder_of_a_service(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(NAME, str(tmp_path))
    os.chown(tmp_path, SERVICE, SERVICE)

    assert env.read_folder(NAME, default=tmp_path) == tmp_path
