"""The API is called as its OpenAPI document says and as it does not, by a tool that knows no more.

`FUZZ_SECONDS` (5) sets for how long, `FUZZ_SEED` with which draws:
`FUZZ_SECONDS=120 uv run --all-groups pytest tests/faults/test_fuzzed_api.py -s`.
"""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from django.db import connection

from subscribers import ids
from subscribers.models import ApiKey
from subscribers.services.workspaces import workspaces
from tests.conftest import new_caller
from tests.support.every_call import World
from tests.support.running import ROOT, serving

pytest.importorskip("schemathesis", reason="the dependency group `checks` is not installed")
pytestmark = [pytest.mark.live, pytest.mark.django_db(transaction=True)]
SECONDS = int(os.environ.get("FUZZ_SECONDS", "5"))
SEED = os.environ.get("FUZZ_SEED", "1")
CHECKS = [
    "not_a_server_error", "status_code_conformance", "content_type_conformance",
    "response_headers_conformance", "response_schema_conformance",
]  # fmt: skip


def test_every_answer_is_one_that_the_document_names(tmp_path: Path) -> None:
    caller = new_caller(workspaces.create(name="Acme"))
    own = ApiKey.objects.get()
    World(caller)
    known = {
        "FUZZ_COUNTS": str(tmp_path / "counts"),
        "FUZZ_OWN_KEY": ids.encode("key", own.pk),
        "FUZZ_SEED": SEED,
        "PYTHONPATH": str(ROOT),
        "SCHEMATHESIS_HOOKS": "tests.support.fuzzing_hooks",
    }
    options = {
        "--checks": ",".join(CHECKS),
        "--header": f"Authorization: Bearer {caller.key}",
        "--max-time": str(SECONDS),
        # A busy machine may take its time.
        "--request-timeout": "60",
        "--seed": SEED,
        "--suppress-health-check": "all",
        "--generation-database": "none",
        # Threads draw with the interpreter's parser, which some versions of Python crash in.
        "--workers": "1",
    }

    with serving("config.rsgi:application", environment()) as (port, _):
        at = f"http://127.0.0.1:{port}"
        fuzzer = [sys.executable, "-c", "from schemathesis.cli import schemathesis as s; s()"]
        fuzzer += ["run", f"{at}/api/v1/openapi.json", "--url", at]
        fuzzer += ["--continue-on-failure", "--no-shrink", "--no-color"]
        fuzzer += [word for option in options.items() for word in option]
        done = subprocess.run(
            fuzzer,
            check=False,
            cwd=tmp_path,
            env=os.environ | known,
            capture_output=True,
            text=True,
        )

    assert done.returncode == 0, done.stdout + done.stderr
    counts = json.loads((tmp_path / "counts").read_text())
    statuses: Counter[str] = sum(map(Counter, counts.values()), Counter())
    never = sorted(name for name, of_call in counts.items() if "200" not in of_call)
    sys.stdout.write(f"{statuses.total()} calls of {len(counts)}: {dict(statuses)}\n")
    sys.stdout.write(f"never 200: {', '.join(never)}\n")
    assert statuses["200"]
    # A call that failed for the key would say nothing of what is behind it.
    assert not {"401", "403", "429"} & statuses.keys()


def environment() -> dict[str, str]:
    """Return the environment of a web process on the test's own database, without rate limits."""
    name = connection.settings_dict["NAME"]
    database = os.environ.get("DATABASE_URL", "").rpartition("/")[0]
    url = f"sqlite:///{name}" if connection.vendor == "sqlite" else f"{database}/{name}"
    unlimited = {"RATE_LIMIT": "0", "READ_RATE_LIMIT": "0"}
    return {**os.environ, "DATABASE_URL": url, "LOG_LEVEL": "warning", **unlimited}
