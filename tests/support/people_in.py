"""People imported by the command, from a file of the test."""

import io
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from django.core.management import CommandError, call_command

from subscribers.models import Subscriber
from tests.support import importing_files

imported = partial(importing_files.imported, "import_subscribers", name="people.csv")
refused = partial(importing_files.refused, "import_subscribers", name="people.csv")
# A person as a test writes one: address, first name, last name, status, attributes.
Known = tuple[str, str, str, str, dict[str, Any]]


@dataclass(frozen=True)
class Came:
    """How an import ended: its exit code, and all that the terminal shows."""

    code: int
    said: str


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


def only() -> Subscriber:
    return Subscriber.objects.get()


def everybody() -> list[Known]:
    """Return all people, by address."""
    return [
        (each.email, each.first_name, each.last_name, each.status, each.attributes)
        for each in Subscriber.objects.order_by("email_key")
    ]
