"""Where mail goes: the values that the settings take, and those that stop the start."""

from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.mail import get_connection
from pytest_django.fixtures import Settings

from config import mail_env
from config.env import SettingError

NAME = "CUELINE_TEST"
FOLDER = Path("/mails")


def email_settings(monkeypatch: pytest.MonkeyPatch, text: str | None) -> dict[str, object]:
    """Set the variable and read it."""
    if text is None:
        monkeypatch.delenv(NAME, raising=False)
    else:
        monkeypatch.setenv(NAME, text)
    return mail_env.read_email(NAME, default_folder=FOLDER)


@pytest.fixture
def anymail(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As if these modules were there, whether or not the extra is installed."""
    code = tmp_path / "service.py"
    names = ("api_key", "api_url", "sender_domain", "webhook_signing_key")
    code.write_text("\n".join(f'get_anymail_setting(\n    "{each}",\n)' for each in names))
    backends = {f"anymail.backends.{name}" for name in ("mailgun", "unisender_go", "amazon_ses")}

    def find(name: str) -> SimpleNamespace | None:
        return SimpleNamespace(origin=code) if name in backends | {"anymail"} else None

    monkeypatch.setattr(mail_env, "find_spec", find)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, {"EMAIL_FILE_PATH": "/mails"}),
        ("file:///other%20mails", {"EMAIL_FILE_PATH": "/other mails"}),
        ("console://", {"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"}),
        (
            "smtp://u%40x:p%2Fw@mail.example.com:587?tls=true",
            {
                "EMAIL_HOST": "mail.example.com",
                "EMAIL_PORT": 587,
                "EMAIL_HOST_USER": "u@x",
                "EMAIL_HOST_PASSWORD": "p/w",
                "EMAIL_USE_TLS": True,
                "EMAIL_USE_SSL": False,
                "SMTP_TLS": "checked",
            },
        ),
        ("smtps://h", {"EMAIL_PORT": 465, "EMAIL_USE_TLS": False, "EMAIL_USE_SSL": True}),
        ("smtps://h?tls=true", {"EMAIL_USE_TLS": False, "EMAIL_USE_SSL": True}),
        ("smtp://h", {"EMAIL_PORT": 25, "EMAIL_USE_TLS": False, "SMTP_TLS": "offered"}),
        ("smtp://h/?TLS=1", {"EMAIL_USE_TLS": True, "SMTP_TLS": "checked"}),
        ("smtp://h?tls=yes&", {"EMAIL_USE_TLS": True, "SMTP_TLS": "checked"}),
        ("smtp://h?tls=off", {"EMAIL_USE_TLS": False, "SMTP_TLS": "off"}),
        ("smtp://h?tls=false", {"EMAIL_USE_TLS": False, "SMTP_TLS": "off"}),
    ],
)
def test_where_mail_goes(
    monkeypatch: pytest.MonkeyPatch, text: str | None, expected: dict[str, object]
) -> None:
    assert expected.items() <= email_settings(monkeypatch, text).items()


@pytest.mark.parametrize(
    "text",
    [
        "smtp://", "ftp://x", "file://host/x", "file:///", "smtp://h:x", "smtp://user:hunter2@:25",
        "mysql://user:hunter2@host/x", "anymail+mailgun://hunter2", "anymail+://?api_key=hunter2",
        "anymail+mailgun://?api_key=hunter2#part", "anymail+mailgun:///x?api_key=hunter2",
        "anymail+mailgun://?hunter2", "anymail+mailgun://?=hunter2", "anymail+mailgun://?api_key=",
        "anymail+mailgun://?api-key=hunter2", "anymail+a.b://?api_key=hunter2", "anymail+mailgun://[",
        "anymail+no-such://?api_key=hunter2", "anymail+mailgun://?apikey=hunter2",
        "anymail+mailgun://?api_key=k&api_key=hunter2", "anymail+mailgun://?api_url=hunter2",
        "smtp://h?tls=hunter2", "smtp://h?hunter2",
        "smtp://h?tls=true&tls=off", "smtp://h?starttls=hunter2", "smtp://h?tls=", "smtp://h#hunter2",
        "smtp://h/hunter2", "smtps://h?tls=off", "smtps://h?ssl=true", "file:///x?tls=true",
        "console://?tls=true", "console://#hunter2",
    ],
)  # fmt: skip
def test_a_url_that_cannot_be_used_names_its_variable_and_repeats_no_secret(
    monkeypatch: pytest.MonkeyPatch, anymail: None, text: str
) -> None:
    with pytest.raises(SettingError, match=f"^Setting {NAME}: ") as refused:
        email_settings(monkeypatch, text)

    assert "hunter2" not in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("smtp://h?starttls=true", "has no option 'starttls'; known: tls."),
        ("smtps://h?SSL=true", "has no option 'ssl'; known: tls."),
        ("console://?tls=true", "has no option 'tls'; known: none."),
        ("smtp://h?tls=maybe", "tls is true (with a valid certificate) or off (never encrypted)."),
        (
            "anymail+mailgun://?apikey=k",
            "has no option 'apikey'; known: api_key, api_url, sender_domain, webhook_signing_key.",
        ),
        (
            "anymail+mailgun://?api_key=k&api_url=http://api.example.com/v3",
            "api_url sends the key in clear; it begins with https://.",
        ),
    ],
)
def test_an_unknown_option_is_named_beside_the_known_ones(
    monkeypatch: pytest.MonkeyPatch, anymail: None, text: str, sentence: str
) -> None:
    with pytest.raises(SettingError) as refused:
        email_settings(monkeypatch, text)

    assert str(refused.value) == f"Setting {NAME}: {sentence}"


def test_a_service_of_anymail_takes_its_settings_from_the_query(
    monkeypatch: pytest.MonkeyPatch, anymail: None
) -> None:
    read = email_settings(
        monkeypatch,
        "anymail+mailgun://?api_key=a+b%26c%23&sender_domain=true",
    )

    assert read["EMAIL_BACKEND"] == "anymail.backends.mailgun.EmailBackend"
    assert read["ANYMAIL"] == {
        "REQUESTS_TIMEOUT": 20,
        "MAILGUN_API_KEY": "a+b&c#",
        "MAILGUN_SENDER_DOMAIN": True,
    }


@pytest.mark.parametrize("url", ["https://api.eu.example.com/v3", "http://127.0.0.1:9/v3"])
def test_a_service_may_be_reached_at_another_address(
    monkeypatch: pytest.MonkeyPatch, anymail: None, url: str
) -> None:
    read = email_settings(monkeypatch, f"anymail+mailgun://?api_url={url}")

    assert read["ANYMAIL"] == {"REQUESTS_TIMEOUT": 20, "MAILGUN_API_URL": url}


def test_a_service_s_name_is_written_with_hyphens(
    monkeypatch: pytest.MonkeyPatch, anymail: None
) -> None:
    read = email_settings(monkeypatch, "anymail+unisender-go://?api_key=k")

    assert read["EMAIL_BACKEND"] == "anymail.backends.unisender_go.EmailBackend"
    assert read["ANYMAIL"] == {"REQUESTS_TIMEOUT": 20, "UNISENDER_GO_API_KEY": "k"}


@pytest.mark.skipif(find_spec("anymail") is not None, reason="the extra is installed")
def test_without_the_extra_the_start_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingError, match="uv sync --extra anymail"):
        email_settings(monkeypatch, "anymail+mailgun://?api_key=k")


def test_amazon_ses_needs_its_own_library(monkeypatch: pytest.MonkeyPatch, anymail: None) -> None:
    with pytest.raises(SettingError, match="boto3"):
        email_settings(monkeypatch, "anymail+amazon-ses://")


@pytest.mark.parametrize(
    ("text", "has_setting"),
    [
        ("anymail+mailgun://?api_key=k&sender_domain=mg.example.com", "sender_domain"),
        ("anymail+postmark://?server_token=t", "server_token"),
        ("anymail+resend://?api_key=k", None),
        ("anymail+brevo://?api_key=k", None),
        ("anymail+mailgun://?api_key=k&webhook_signing_key=w", None),
        ("anymail+unisender-go://?api_key=k&api_url=https://x.io/", None),
    ],
)
def test_anymail_itself_takes_the_settings(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, text: str, has_setting: str | None
) -> None:
    pytest.importorskip("anymail", reason="NOT TRIED WITH ANYMAIL: the extra is not installed")
    read = email_settings(monkeypatch, text)
    settings.EMAIL_BACKEND = read["EMAIL_BACKEND"]
    settings.ANYMAIL = read["ANYMAIL"]

    backend: Any = get_connection()

    assert backend.timeout == 20
    assert has_setting is None or getattr(backend, has_setting)


def test_anymail_itself_says_which_settings_it_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("anymail", reason="NOT TRIED WITH ANYMAIL: the extra is not installed")

    with pytest.raises(SettingError, match=r"known: api_key, api_url, sender_domain, webhook_sig"):
        email_settings(monkeypatch, "anymail+mailgun://?apikey=k")
    read = email_settings(monkeypatch, "anymail+sendinblue://?api_key=k")

    assert read["ANYMAIL"] == {"REQUESTS_TIMEOUT": 20, "SENDINBLUE_API_KEY": "k"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, []),
        (
            " example.com, @Example.org ,ada@example.net,",
            ["example.com", "@Example.org", "ada@example.net"],
        ),
        ("localhost,bücher.example", ["localhost", "bücher.example"]),
    ],
)
def test_who_may_get_mail(
    monkeypatch: pytest.MonkeyPatch, text: str | None, expected: list[str]
) -> None:
    monkeypatch.setenv(NAME, text or "")

    assert mail_env.read_recipients(NAME) == expected


@pytest.mark.parametrize(
    "text",
    ["*.example.com", "*", "@", "a@", "a@b@c.io", "example..com", ".com", "a b.com", "<a@b.io>",
     "example.com;example.org", "https://example.com", "ok.com,@"],
)  # fmt: skip
def test_an_entry_that_could_never_match_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv(NAME, text)

    with pytest.raises(SettingError, match=f"^Setting {NAME}: .* neither a domain"):
        mail_env.read_recipients(NAME)


def test_the_secret_of_reports_is_taken_as_it_is(
    monkeypatch: pytest.MonkeyPatch, anymail: None
) -> None:
    monkeypatch.setenv("SECRET_OF_REPORTS", "name:a-password-that-is-long")

    assert mail_env.read_webhook_secret("SECRET_OF_REPORTS") == "name:a-password-that-is-long"
    assert mail_env.read_webhook_secret("NOT_SET") == ""


@pytest.mark.parametrize("text", ["name:short", "a" * 40, ":" + "a" * 40, "a" * 40 + ":"])
def test_a_secret_that_no_service_could_show_or_anybody_guess_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, anymail: None, text: str
) -> None:
    monkeypatch.setenv("SECRET_OF_REPORTS", text)

    with pytest.raises(SettingError, match="SECRET_OF_REPORTS") as raised:
        mail_env.read_webhook_secret("SECRET_OF_REPORTS")

    assert text not in str(raised.value)


def test_a_secret_of_reports_without_the_extra_stops_the_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mail_env, "find_spec", lambda _name: None)
    monkeypatch.setenv("SECRET_OF_REPORTS", "name:a-password-that-is-long")

    with pytest.raises(SettingError, match="uv sync --extra anymail"):
        mail_env.read_webhook_secret("SECRET_OF_REPORTS")


@pytest.mark.parametrize(
    "text", ["bounces+{token}@mail.example.com", "{token}@mx.example.com", "b.{token}=x@a.example"]
)
def test_an_address_with_a_token(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(NAME, text)

    assert mail_env.read_pattern(NAME, letters=42) == text


@pytest.mark.parametrize(
    "text",
    [
        "bounces@mail.example.com", "{token}", "bounces@{token}.example.com",
        "{token}+{token}@mail.example.com", "a b{token}@mail.example.com", "{token}@localhost",
        "{token}@mail_1.example.com", "{token}@Example.com", "<{token}@mail.example.com>",
        ".{token}@mail.example.com", "{token}@mail.example.com\nRCPT TO:<x@example.com>",
        "{TOKEN}@mail.example.com", "{token}@[127.0.0.1]", "ä{token}@mail.example.com",
        "more-than-twenty-two-characters+{token}@mail.example.com", "{token}@" + "a." * 99 + "com",
    ],
)  # fmt: skip
def test_an_address_that_servers_may_refuse_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv(NAME, text)

    with pytest.raises(SettingError, match=f"^Setting {NAME}: "):
        mail_env.read_pattern(NAME, letters=42)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("imaps://u%40x:p%2Fw@imap.example.com", ("imap.example.com", 993, "INBOX", True)),
        ("imaps://u:p@h:1993/Bounces%20here", ("h", 1993, "Bounces here", True)),
        ("imap://u:p@127.0.0.1/INBOX", ("127.0.0.1", 143, "INBOX", False)),
        ("imap://u:p@h?tls=off", ("h", 143, "INBOX", False)),
    ],
)
def test_a_mailbox(
    monkeypatch: pytest.MonkeyPatch, text: str, expected: tuple[str, int, str, bool]
) -> None:
    monkeypatch.setenv(NAME, text)

    found = mail_env.read_mailbox(NAME)

    assert found is not None
    assert (found.host, found.port, found.folder, found.is_tls) == expected
    assert f"{found.password!r}" not in repr(found)


@pytest.mark.parametrize(
    "text",
    [
        "imap://u:hunter2@imap.example.com", "imap://u:hunter2@h?tls=true", "imaps://hunter2@h/INBOX",
        "imaps://u:hunter2@/INBOX", "pop3://u:hunter2@h", "imaps://u:hunter2@h?tls=off",
        "imaps://u:hunter2@h/INBOX#x", "imaps://u:hunter2%0d%0aA@h", "imaps://u:hunter2@h/%0aX",
        "imaps://u:hunter2@h:x",
    ],
)  # fmt: skip
def test_a_mailbox_that_cannot_be_used_or_is_not_safe_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv(NAME, text)

    with pytest.raises(SettingError, match=f"^Setting {NAME}: ") as refused:
        mail_env.read_mailbox(NAME)

    assert "hunter2" not in str(refused.value)
