"""Steps as callers send them, parsed or refused."""

from collections.abc import Sequence
from typing import Any

import pytest

from events.language.steps import Step, parse_steps
from subscribers.wire.payloads import InvalidRequest

MAIL = {"type": "email", "subject": "Hello", "html": "<p>Hello</p>"}


def only(raw: dict[str, Any]) -> Any:
    """Parse one step."""
    (step,) = parse_steps([{"id": "one", **raw}])
    return step


def faults_of(*raw: Any) -> dict[str, str]:
    """Return the faults of steps by path."""
    with pytest.raises(InvalidRequest) as caught:
        parse_steps(list(raw))
    faults = {fault.path: fault.message for fault in caught.value.faults}
    assert len(faults) == len(caught.value.faults)
    return faults


def ids(steps: Sequence[Step]) -> list[str]:
    """Return the ids in order."""
    return [step.id for step in steps]
