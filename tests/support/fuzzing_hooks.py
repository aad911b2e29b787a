"""What the fuzzer's own process loads: keeps its calls on what exists, and counts the answers.

An id that is drawn is nobody's, so nearly every call would end as a 404. Most calls get one that
an answer has shown before; the others keep what was drawn.
"""

import atexit
import json
import os
import random
import re
from collections import Counter, defaultdict, deque
from pathlib import Path
from typing import Any

import schemathesis
from schemathesis import Case, HookContext, Response

PUBLIC_ID = re.compile(r"\b([a-z]{3})_[0-9a-f]{32}\b")
CURSOR = re.compile(r'"nextCursor":"([^"]+)"')
# The key that the fuzzer calls with: a call that revokes or narrows it would end the run.
OWN_KEY = os.environ["FUZZ_OWN_KEY"]
NOBODYS_KEY = f"key_{'0' * 32}"
KINDS = {
    "tag_id": "tag",
    "list_id": "lst",
    "key_id": "key",
    "sequence_id": "seq",
    "enrollment_id": "enr",
    "event_id": "evt",
    "import_id": "imp",
}
ADDRESSES = ["ada@example.com", "bob@example.com", "eve@example.com"]
EXTERNAL_IDS = ["user_1", "user/2", "user 3"]
WORDS = {
    "email": ADDRESSES,
    "address": ADDRESSES,
    "external_id": EXTERNAL_IDS,
    "externalId": EXTERNAL_IDS,
    "eventName": ["order.placed"],
}
# Drawn for every call, these would make nearly every one a repeat of another, or too late.
REFUSING = ("Idempotency-Key", "If-Match")
# How often a drawn value gives way to a known one, or is left out.
SHARE = 0.7
chosen = random.Random(os.environ["FUZZ_SEED"])  # noqa: S311 - repeatable, not secret
seen: defaultdict[str, deque[str]] = defaultdict(lambda: deque(maxlen=20))
counts: defaultdict[str, Counter[int]] = defaultdict(Counter)


@schemathesis.hook
def before_call(context: HookContext, case: Case[Any], kwargs: dict[str, Any]) -> None:
    for given in (case.path_parameters, case.query, case.body):
        if isinstance(given, dict):
            given.update({name: _known_or(value, name) for name, value in given.items()})
    for name in REFUSING:
        if name in case.headers and chosen.random() < SHARE:
            del case.headers[name]
    if case.path_parameters.get("key_id") == OWN_KEY:
        case.path_parameters["key_id"] = NOBODYS_KEY


def _known_or(value: Any, name: str) -> Any:
    known = WORDS.get(name) or list(seen[KINDS.get(name, name)])
    return chosen.choice(known) if known and chosen.random() < SHARE else value


@schemathesis.hook
def after_call(context: HookContext, case: Case[Any], response: Response) -> None:
    counts[case.operation.label][response.status_code] += 1
    text = response.content.decode(errors="replace")
    for found in PUBLIC_ID.finditer(text):
        seen[found[1]].append(found[0])
    seen["cursor"].extend(CURSOR.findall(text))


@atexit.register
def keep_counts() -> None:
    Path(os.environ["FUZZ_COUNTS"]).write_text(json.dumps(counts))
