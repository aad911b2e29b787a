"""Typed readers of environment variables.

A value that cannot be used raises `SettingError`, which names the variable, what was found and what
is expected, and stops the start. Messages never repeat the values of secrets.
"""

import contextlib
import ipaddress
import os
import pwd
import re
import secrets
import shlex
import tempfile
from datetime import timedelta
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

TRUE_WORDS = frozenset({"1", "true", "yes", "on"})
FALSE_WORDS = frozenset({"0", "false", "no", "off"})
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
SHORTEST_TOKEN = 20
SHORTEST_SECRET_KEY = 50  # What Django's own deployment check asks for.


class SettingError(ValueError):
    """An environment variable holds a value that Cueline cannot or must not start with."""

    def __init__(self, name: str, problem: str) -> None:
        self.name = name
        super().__init__(f"Setting {name}: {problem}")


def read_text(name: str, *, default: str = "") -> str:
    """Return the variable, trimmed; unset and blank both give the default."""
    return os.environ.get(name, "").strip() or default


def read_words(name: str) -> list[str]:
    return [word.strip() for word in read_text(name).split(",") if word.strip()]


def read_flag(name: str, *, default: bool) -> bool:
    """Return a yes/no variable; accepts 1/0, true/false, yes/no, on/off."""
    word = read_text(name).lower()
    if not word:
        return default
    if word in TRUE_WORDS:
        return True
    if word in FALSE_WORDS:
        return False
    raise SettingError(name, f"expected true or false, got {word!r}.")


def read_integer(name: str, *, default: int, least: int, most: int) -> int:
    """Return a whole number within the limits, both included."""
    text = read_text(name)
    if not text:
        return default
    if not re.fullmatch(r"-?[0-9]{1,18}", text):
        raise SettingError(name, f"expected a whole number, got {text!r}.")
    number = int(text)
    if not least <= number <= most:
        raise SettingError(name, f"expected a number from {least} to {most}, got {number}.")
    return number


def read_span(name: str, *, default: int, least: int, most: int) -> timedelta:
    """Return a whole number of the unit that ends the name, such as `_DAYS`."""
    unit = name.rpartition("_")[2].lower()
    return timedelta(**{unit: read_integer(name, default=default, least=least, most=most)})


def read_choice(name: str, *, default: str, choices: tuple[str, ...]) -> str:
    word = read_text(name, default=default).lower()
    if word not in choices:
        raise SettingError(name, f"expected one of {', '.join(choices)}, got {word!r}.")
    return word


def read_folder(name: str, *, default: Path) -> Path:
    """Return an absolute folder path; does not create it, and refuses another account's."""
    text = read_text(name)
    path = (Path(text).expanduser() if text else default).absolute()
    if path.exists():
        if not path.is_dir():
            raise SettingError(name, f"{path} is not a folder.")
        _refuse_strangers(path.resolve(), folder=path)
    return path


def read_url(name: str, *, default: str, schemes: tuple[str, ...]) -> SplitResult:
    """Return a URL with one of the schemes, split; the message never repeats a password."""
    try:
        parts = urlsplit(read_text(name, default=default))
        _ = parts.port
    except ValueError as error:
        raise SettingError(name, "is not a URL that can be read.") from error
    if parts.scheme not in schemes:
        listed = ", ".join(f"{scheme}://" for scheme in schemes)
        raise SettingError(name, f"expected a URL that begins with one of {listed}.")
    return parts


def read_public_url(name: str, *, default: str, is_debug: bool) -> str:
    """Return the address that links in mails and pages begin with, without a final slash."""
    url = read_url(name, default=default, schemes=("http", "https"))
    if not url.hostname or url.path not in {"", "/"} or url.query or url.fragment or url.username:
        raise SettingError(name, "expected scheme, host and port only: https://mail.example.com.")
    if is_loopback(url.hostname):
        return f"{url.scheme}://{url.netloc}"
    if url.scheme != "https":
        raise SettingError(name, "http:// is for this machine alone; other hosts need https://.")
    if is_debug:
        raise SettingError("DEBUG", f"must be false when {name} names a public host.")
    return f"{url.scheme}://{url.netloc}"


def read_hosts(name: str, *, public_url: str, is_debug: bool) -> list[str]:
    """Return the allowed host names; PUBLIC_URL's and this machine's are always allowed."""
    hosts = read_words(name)
    if "*" in hosts and not is_debug:
        raise SettingError(name, "* admits every host name; list the names that you serve.")
    public_host = urlsplit(public_url).hostname or ""
    if ":" in public_host:
        public_host = f"[{public_host}]"
    return sorted({*hosts, public_host, "localhost", "127.0.0.1", "[::1]"})


def read_networks(name: str, *, default: str) -> tuple[Network, ...]:
    """Return networks and addresses, as `10.0.0.0/8` or `2001:db8::1`."""
    networks = []
    for word in read_words(name) or default.split(","):
        try:
            network = ipaddress.ip_network(word)
        except ValueError as error:
            raise SettingError(name, f"{word!r} is not a network: {error}.") from error
        if not network.prefixlen:
            raise SettingError(name, f"{word} trusts everybody; name your proxies.")
        networks.append(network)
    return tuple(networks)


def is_loopback(host: str) -> bool:
    """Tell whether a host name or address can only mean this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return False


def read_token(name: str) -> str:
    """Return a secret that callers must send, or nothing if none is required."""
    text = read_text(name)
    if text and len(text) < SHORTEST_TOKEN:
        raise SettingError(name, f"needs at least {SHORTEST_TOKEN} random characters.")
    return text


def read_secret_key(name: str, *, folder: Path) -> str:
    """Return the variable, else the key in `folder/secret_key`, which is created if missing.

    Two processes that start together get the same key: the file appears whole or not at all.
    """
    given = read_text(name)
    path = folder / "secret_key"
    if not given:
        try:
            if not path.exists():
                _write_once(path, secrets.token_urlsafe(64))
            _refuse_strangers(path, folder=folder)
            given = path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not text"
            problem = f"the secret key cannot be kept in {path} ({reason}); "
            problem += f"make the folder writable or set {name}."
            raise SettingError("DATA_DIR", problem) from error
    if len(given) < SHORTEST_SECRET_KEY or given.startswith("django-insecure"):
        raise SettingError(name, f"needs at least {SHORTEST_SECRET_KEY} random characters.")
    return given


def _refuse_strangers(path: Path, *, folder: Path) -> None:
    """Raise `SettingError` if a file, or a link of its name, belongs to an account that is neither
    root nor this process's: the owner may replace it.

    Root trusts the owner of DATA_DIR, too: it runs commands for the service's account.
    """
    account = os.geteuid() or folder.stat().st_uid
    for owner in {path.stat().st_uid, path.lstat().st_uid} - {0, account}:
        problem = f"{path} belongs to {_name_of(owner)}, who may replace it, not to "
        problem += f"{_name_of(account)}. Run chown -h {account} {shlex.quote(str(path))} if you "
        problem += "know what is in it, else set DATA_DIR to another folder."
        raise SettingError("DATA_DIR", problem)


def _name_of(account: int) -> str:
    try:
        return pwd.getpwuid(account).pw_name
    except KeyError:
        return f"account {account}"


def _write_once(path: Path, text: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=".secret-")  # mode 0600
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(text)
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        Path(draft).unlink()
