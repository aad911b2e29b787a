"""An event's effects as an answer shows them: ids with their prefixes, which are stored without."""

from collections.abc import Mapping
from typing import Any

PREFIXES = {
    "tagId": "tag",
    "rule": "rul",
    "sequenceId": "seq",
    "enrollment": "enr",
    "supersedes": "enr",
}


def wire_effects(effects: Mapping[str, Any]) -> dict[str, Any]:
    return {
        part: [
            {
                name: f"{PREFIXES[name]}_{value}" if name in PREFIXES else value
                for name, value in entry.items()
            }
            for entry in entries
        ]
        for part, entries in effects.items()
    }
