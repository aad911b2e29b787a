"""Files for tests, and the commands that import them."""

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from subscribers.models import ImportRun, Subscriber


def write_lines(path: Path, rows: Sequence[object]) -> Path:
    """Write rows as JSONL; texts as they are."""
    lines = [each if isinstance(each, str) else json.dumps(each) for each in rows]
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")
    return path


def import_events(path: Path, *arguments: str, slug: str = "acme") -> tuple[int, dict[str, Any]]:
    """Run the command; return its exit code and result."""
    out, code = io.StringIO(), 0
    try:
        call_command(
            "import_events",
            str(path),
            f"--workspace={slug}",
            "--json",
            *arguments,
            stdout=out,
            stderr=io.StringIO(),
        )
    except SystemExit as ended:
        code = int(ended.code or 0)
    except CommandError as error:
        code = error.returncode
    lines = out.getvalue().splitlines()
    return code, json.loads(lines[-1]) if lines else {}


def imported(command: str, folder: Path, text: str, *arguments: str, name: str) -> str:
    """Import a file; return what the terminal shows."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    shown = io.StringIO()
    call_command(command, str(path), "--workspace=acme", *arguments, stdout=shown, stderr=shown)
    return shown.getvalue()


def refused(command: str, folder: Path, text: str, *arguments: str, name: str) -> str:
    """Import a file that must not begin; return why."""
    with pytest.raises(CommandError) as caught:
        imported(command, folder, text, *arguments, name=name)
    assert caught.value.returncode == 2
    assert not Subscriber.objects.exists()
    assert not ImportRun.objects.exists()
    return str(caught.value)
