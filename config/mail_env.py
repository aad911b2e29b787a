"""Reads the settings of where mail goes; errors are those of `config.env`.

`EMAIL_URL` names an SMTP server, a folder, the console, or a service of django-anymail, which is
installed as an extra. Nothing of anymail is imported here: the mailer loads its backend by name.
"""

import re
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urlsplit

from config import env
from config.env import SettingError

SCHEMES = ("smtp", "smtps", "file", "console")
ANYMAIL = "anymail+"
# For both kinds of connection; Django's default is to wait forever.
TIMEOUT_SECONDS = 20
_SERVICE = re.compile(r"[a-z0-9-]+", re.ASCII)
_NAME = re.compile(r"[a-z0-9_]+", re.ASCII)
_DOMAIN = re.compile(r"[^\s@*?,;:<>\"/\\.]+(?:\.[^\s@*?,;:<>\"/\\.]+)*")
_WORDS = {"true": True, "false": False}


def read_email(name: str, *, default_folder: Path) -> dict[str, object]:
    """Return Django's EMAIL_* settings for a URL.

    Shapes: `smtp://user:password@host:port` (STARTTLS with `?tls=true`), `smtps://host:port`,
    `file:///folder`, `console://`, `anymail+service://?setting=value&…`. Without the variable,
    mails become files in `default_folder`.
    """
    text = env.read_text(name)
    if not text:
        return _files(default_folder)
    if text.lower().startswith(ANYMAIL):
        return _anymail(name, text)
    url = env.read_url(name, default="", schemes=SCHEMES)
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
    return {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": url.hostname,
        "EMAIL_PORT": url.port or (465 if is_implicit_tls else 25),
        "EMAIL_HOST_USER": unquote(url.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(url.password or ""),
        "EMAIL_USE_SSL": is_implicit_tls,
        "EMAIL_USE_TLS": not is_implicit_tls and "tls=true" in url.query.lower().split("&"),
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


def _files(folder: Path) -> dict[str, object]:
    return {
        "EMAIL_BACKEND": "django.core.mail.backends.filebased.EmailBackend",
        "EMAIL_FILE_PATH": str(folder),
    }


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
    options: dict[str, object] = {"REQUESTS_TIMEOUT": TIMEOUT_SECONDS}
    for part in filter(None, url.query.split("&")):
        option, _, value = part.partition("=")
        if not _NAME.fullmatch(option.lower()) or not value:
            raise SettingError(name, "has a setting without a name or a value after the ?.")
        given = unquote(value)  # not `parse_qsl`, which reads a plus as a blank
        options[f"{module}_{option}".upper()] = _WORDS.get(given.lower(), given)
    return {"EMAIL_BACKEND": f"anymail.backends.{module}.EmailBackend", "ANYMAIL": options}
