"""People imported by the command, from a file of the test."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from subscribers.models import ImportRun, Subscriber

# A person as a test writes one: address, first name, last name, status, attributes.
Known = tuple[str, str, str, str, dict[str, Any]]


@dataclass(frozen=True)
class Came:
    """How an import ended: its exit code, and all that the terminal shows."""

    code: int
    said: str


def imported(folder: Path, text: str, *arguments: str, name: str = "people.csv") -> str:
    """Import a file; return what the terminal shows."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    shown = io.StringIO()
    call_command(
        "import_subscribers", str(path), "--workspace=acme", *arguments, stdout=shown, stderr=shown
    )
    return shown.getvalue()


def came(
    folder: Path, content: bytes, *arguments: str, name: str = "people.csv", more: str = ""
) -> Came:
    """Import a file of any bytes, and with it one more file, however it ends.

    The name `-` is the standard input, which the test provides.
    """
    path = Path(name) if name == "-" else folder / name
    if name != "-":
        path.write_bytes(content)
    shown = io.StringIO()
    try:
        call_command(
            "import_subscribers", str(path), *filter(None, [more]), "--workspace=acme",
            *arguments, stdout=shown, stderr=shown,
        )  # fmt: skip
    except SystemExit as ended:
        return Came(int(ended.code or 0), shown.getvalue())
    except CommandError as error:
        return Came(error.returncode, f"{shown.getvalue()}{error}")
    return Came(0, shown.getvalue())


def refused(folder: Path, text: str, *arguments: str, name: str = "people.csv") -> str:
    """Import a file that must not begin; return why."""
    with pytest.raises(CommandError) as caught:
        imported(folder, text, *arguments, name=name)
    assert caught.value.returncode == 2
    assert not Subscriber.objects.exists()
    assert not ImportRun.objects.exists()
    return str(caught.value)


def only() -> Subscriber:
    return Subscriber.objects.get()


def everybody() -> list[Known]:
    """Return all people, by address."""
    return [
        (each.email, each.first_name, each.last_name, each.status, each.attributes)
        for each in Subscriber.objects.order_by("email_key")
    ]
