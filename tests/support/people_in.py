"""People imported by the command, from a file of the test."""

import io
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from subscribers.models import ImportRun, Subscriber


def imported(folder: Path, text: str, *arguments: str, name: str = "people.csv") -> str:
    """Import a file; return what the terminal shows."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    shown = io.StringIO()
    call_command(
        "import_subscribers", str(path), "--workspace=acme", *arguments, stdout=shown, stderr=shown
    )
    return shown.getvalue()


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
