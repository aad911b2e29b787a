"""A copy of a sequence: a draft with a key and name of its own."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime

from msgspec.structs import replace

from events.language.specs import LONGEST_KEY, LONGEST_NAME
from events.models import Sequence
from events.services.sequences import sequences

MOST_TRIES = 100


def duplicate(*, sequence: Sequence, now: datetime, name: str = "") -> Sequence:
    """Create a draft that says the same, under a name or as "Copy of …"; atomic.

    Raises `InvalidRequest` where the sequence names a list that is gone, or a webhook that may no
    longer be called, and `KeyTaken` when a hundred copies are there.
    """
    spec = sequences.spec_of(sequence)
    name = name or f"Copy of {spec.name}"[:LONGEST_NAME]
    for key in _keys(sequence.key):
        copy = replace(spec, name=name, key=key)
        with suppress(sequences.KeyTaken):
            return sequences.create(workspace=sequence.workspace, spec=copy, now=now)
    raise sequences.KeyTaken(f"There are too many copies of {sequence.key}.")


def _keys(key: str) -> Iterator[str]:
    for number in range(1, MOST_TRIES + 1):
        end = "-copy" if number == 1 else f"-copy-{number}"
        yield key[: LONGEST_KEY - len(end)] + end
