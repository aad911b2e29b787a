"""Reads the settings of where mail goes; errors are those of `config.env`.

`EMAIL_URL` names an SMTP server, a folder, the console, or a service of django-anymail, which is
installed as an extra. Nothing of anymail is imported here: the mailer loads its backend by name.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urlsplit

from config import env
from config.env import SettingError

SCHEMES = ("smtp", "smtps", "file", "console")
SMTP_BACKEND = "subscribers.services.outbox.smtp_backend.EmailBackend"
ANYMAIL = "anymail+"
# For both kinds of connection; Django's default is to wait forever.
TIMEOUT_SECONDS = 20
_SERVICE = re.compile(r"[a-z0-9-]+", re.ASCII)
_NAME = re.compile(r"[a-z0-9_]+", re.ASCII)
_DOMAIN = re.compile(r"[^\s@*?,;:<>\"/\\.]+(?:\.[^\s@*?,;:<>\"/\\.]+)*")
# RFC 5321: dot-atoms; the domain is a full one, in ASCII.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LOCAL_PART = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_MAIL_DOMAIN = re.compile(rf"(?=.{{4,180}}$)(?:{_LABEL}\.)+[a-z][a-z0-9-]*[a-z0-9]")
LONGEST_LOCAL_PART = 64
_WORDS = {"true": True, "false": False}
# A service of another name reads the settings of this one.
_RENAMED = {"sendinblue": "brevo"}
_READ_BY_ANYMAIL = re.compile(r'get_anymail_setting\(\s*"(\w+)"')


def read_email(name: str, *, default_folder: Path) -> dict[str, object]:
    """Return Django's EMAIL_* settings for a URL.

    Shapes: `smtp://user:password@host:port` (`?tls=true` demands TLS, `?tls=off` never uses it),
    `smtps://host:port`, `file:///folder`, `console://`, `anymail+service://?setting=value&…`.
    Without the variable, mails become files in `default_folder`. An unknown option raises
    `SettingError`.
    """
    text = env.read_text(name)
    if not text:
        return _files(default_folder)
    if text.lower().startswith(ANYMAIL):
        return _anymail(name, text)
    url = env.read_url(name, default="", schemes=SCHEMES)
    is_mailing = url.scheme in {"smtp", "smtps"}
    options = _options(name, url.query, known={"tls"} if is_mailing else set())
    if url.fragment or (is_mailing and url.path not in {"", "/"}):
        raise SettingError(name, "has a path or a # that mean nothing; percent-encode passwords.")
    if url.scheme == "console":
        return {"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"}
    if url.scheme == "file":
        folder = Path(unquote(url.path))
        if url.netloc or not folder.is_absolute() or folder == Path("/"):
            raise SettingError(name, "expected file:///absolute/folder.")
        return _files(folder)
    if not url.hostname:
        raise SettingError(name, "names no host; expected smtp://host:port.")
    is_implicit_tls = url.scheme == "smtps"
    mode = _tls_mode(name, options.get("tls", ""))
    if is_implicit_tls and mode == "off":
        raise SettingError(name, "smtps:// is TLS, so tls=off contradicts it.")
    return {
        "EMAIL_BACKEND": SMTP_BACKEND,
        "EMAIL_HOST": url.hostname,
        "EMAIL_PORT": url.port or (465 if is_implicit_tls else 25),
        "EMAIL_HOST_USER": unquote(url.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(url.password or ""),
        "EMAIL_USE_SSL": is_implicit_tls,
        "EMAIL_USE_TLS": not is_implicit_tls and mode == "checked",
        "SMTP_TLS": mode,
        "EMAIL_TIMEOUT": TIMEOUT_SECONDS,
    }


def read_recipients(name: str) -> list[str]:
    """Return the domains and addresses that mail may go to; none means all.

    An entry that could never match stops the start.
    """
    entries = env.read_words(name)
    for entry in entries:
        local, _, domain = entry.rpartition("@")
        if "@" in local or not _DOMAIN.fullmatch(domain):
            problem = f"{entry!r} is neither a domain (example.com) nor an address; no wildcards."
            raise SettingError(name, problem)
    return entries


def read_webhook_secret(name: str) -> str:
    """Return the secret of delivery services, `name:password`; without it reports are refused."""
    secret = env.read_token(name)
    if secret and not all(secret.partition(":")):
        raise SettingError(name, "expected name:password, as the service sends it in basic auth.")
    if secret and find_spec("anymail") is None:
        raise SettingError(name, "needs django-anymail: uv sync --extra anymail.")
    return secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailbox:
    """A folder of an IMAP server."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    folder: str
    # With TLS from the start and a valid certificate, or in clear.
    is_tls: bool


def read_pattern(name: str, *, letters: int) -> str:
    """Return an address with one `{token}` in its local part, or nothing. `letters` is how long a
    token is: a local part has at most 64 characters (RFC 5321, 4.5.3.1.1).
    """
    text = env.read_text(name)
    if not text:
        return ""
    local, _, domain = text.rpartition("@")
    if text.count("{token}") != 1 or "{token}" not in local:
        raise SettingError(name, "expected one {token} before the @: name+{token}@example.com.")
    filled = local.replace("{token}", "a" * letters)
    if not _LOCAL_PART.fullmatch(filled) or not _MAIL_DOMAIN.fullmatch(domain):
        raise SettingError(name, f"{text!r} is no address that every mail server takes.")
    if len(filled) > LONGEST_LOCAL_PART:
        most = LONGEST_LOCAL_PART - letters
        raise SettingError(name, f"has more than {most} characters beside {{token}} before the @.")
    return text


def read_mailbox(name: str) -> Mailbox | None:
    """Return the mailbox of `imaps://user:password@host:port/folder`; errors repeat no password."""
    text = env.read_text(name)
    if not text:
        return None
    url = env.read_url(name, default="", schemes=("imaps", "imap"))
    options = _options(name, url.query, known={"tls"} if url.scheme == "imap" else set())
    if not (url.hostname and url.username and url.password) or url.fragment:
        shape = "expected imaps://user:password@host/INBOX; percent-encode names and passwords."
        raise SettingError(name, shape)
    is_tls = url.scheme == "imaps"
    if options.get("tls", "off").lower() not in env.FALSE_WORDS:
        raise SettingError(name, "tls is off, or not there; imaps:// has TLS.")
    if not is_tls and not options and not env.is_loopback(url.hostname):
        problem = "imap:// sends the password in clear: use imaps://, or say ?tls=off."
        raise SettingError(name, problem)
    user, password = unquote(url.username), unquote(url.password)
    folder = unquote(url.path.removeprefix("/")) or "INBOX"
    if not all(each.isascii() and each.isprintable() for each in (user, password, folder)):
        raise SettingError(name, "name, password and folder are printable ASCII.")
    return Mailbox(
        host=url.hostname,
        port=url.port or (993 if is_tls else 143),
        user=user,
        password=password,
        folder=folder,
        is_tls=is_tls,
    )


def _files(folder: Path) -> dict[str, object]:
    backend = "django.core.mail.backends.filebased.EmailBackend"
    return {"EMAIL_BACKEND": backend, "EMAIL_FILE_PATH": str(folder)}


def _anymail(name: str, text: str) -> dict[str, object]:
    """Return the settings of one of anymail's services; errors never repeat a value."""
    try:
        url = urlsplit(text)
    except ValueError as error:
        raise SettingError(name, "is not a URL that can be read.") from error
    service = url.scheme.removeprefix(ANYMAIL)
    if not _SERVICE.fullmatch(service) or url.netloc or url.path or url.fragment:
        shape = "expected anymail+service://?setting=value&…, values percent-encoded."
        raise SettingError(name, shape)
    module = service.replace("-", "_")
    if find_spec("anymail") is None:
        raise SettingError(name, "needs django-anymail: uv sync --extra anymail.")
    if find_spec(f"anymail.backends.{module}") is None:
        raise SettingError(name, f"django-anymail has no service {service!r}.")
    if module == "amazon_ses" and find_spec("boto3") is None:
        raise SettingError(name, "needs boto3 for Amazon SES; its SMTP address works without.")
    given = _options(name, url.query, known=_options_of(module))
    api = urlsplit(given.get("api_url", "https:"))
    if api.scheme != "https" and not env.is_loopback(api.hostname or ""):
        raise SettingError(name, "api_url sends the key in clear; it begins with https://.")
    options = {
        f"{module}_{each}".upper(): _WORDS.get(given[each].lower(), given[each]) for each in given
    }
    return {
        "EMAIL_BACKEND": f"anymail.backends.{module}.EmailBackend",
        "ANYMAIL": {"REQUESTS_TIMEOUT": TIMEOUT_SECONDS, **options},
    }


def _options(name: str, query: str, *, known: Collection[str]) -> dict[str, str]:
    """Return what follows the ?; errors name an option, never its value."""
    options: dict[str, str] = {}
    for part in filter(None, query.split("&")):
        option, _, value = part.partition("=")
        option = option.lower()
        if not _NAME.fullmatch(option) or not value:
            raise SettingError(name, "has an option without a name or a value after the ?.")
        if option not in known:
            raise SettingError(
                name, f"has no option {option!r}; known: {', '.join(sorted(known)) or 'none'}."
            )
        if option in options:
            raise SettingError(name, f"has the option {option!r} twice.")
        options[option] = unquote(value)  # not `parse_qsl`, which reads a plus as a blank
    return options


def _tls_mode(name: str, word: str) -> str:
    if not word:
        return "offered"
    if word.lower() in env.TRUE_WORDS:
        return "checked"
    if word.lower() in env.FALSE_WORDS:
        return "off"
    raise SettingError(name, "tls is true (with a valid certificate) or off (never encrypted).")


def _options_of(module: str) -> set[str]:
    """Return the settings that anymail's code reads for a service; it ignores all others."""
    names: set[str] = set()
    for kind in ("backends", "webhooks"):
        spec = find_spec(f"anymail.{kind}.{_RENAMED.get(module, module)}")
        if spec and spec.origin:
            names.update(_READ_BY_ANYMAIL.findall(Path(spec.origin).read_text(encoding="utf-8")))
    return names
