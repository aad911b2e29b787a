"""Files of events for tests, and the command that imports them."""

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.core.management import CommandError, call_command


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
