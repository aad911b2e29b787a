"""Faults of a row in words: for its line, and for the totals of a run."""

import re
from collections.abc import Sequence

from subscribers.wire.payloads import Fault

LONGEST_REASON = 200
# The parts of a message that quote the one value.
_IN_ADDRESSES = re.compile(r"(is not a valid address): .*", re.DOTALL)
_IN_TEXTS = re.compile(r" \((?:line|column|char) [^)]*\)")
_CELLS = re.compile(r"\bhas \d+ cells;")
_SIZES = re.compile(r"\b(has|holds) \d+ ")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|“[^”]*”")
_INDEX = re.compile(r"\[\d+\]")


def sentence(faults: Sequence[Fault]) -> str:
    return " ".join(f"{fault.path} {fault.message}".strip() for fault in faults)


def reason(fault: Fault) -> str:
    """Return the fault without the value, so that equal faults count together."""
    message = _IN_ADDRESSES.sub(r"\1.", fault.message)
    message = _CELLS.sub("has too few or too many cells;", message)
    message = _SIZES.sub(r"\1 too many ", _IN_TEXTS.sub("", message))
    message = _QUOTED.sub("…", message)
    return storable(f"{_INDEX.sub('[]', fault.path)} {message}".strip()[:LONGEST_REASON])


def storable(text: str) -> str:
    """Return outside text without what some database refuses: NUL, lone surrogates."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()
