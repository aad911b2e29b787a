"""Audits: what a check is, what it finds, and how it walks through large tables.

A check reads and never writes. It asks for rows in portions by id, the newest first, so that no
query runs for long; how far it went back is said.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import islice
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from subscribers.ids import encode
from subscribers.models import Workspace

PORTION = 10_000
MOST_ROWS = 500_000
# More than so many faulty rows are told as "at least".
MOST_COUNTED = 100


class Level(StrEnum):
    """How bad a finding is; `ok` is a fact that is worth a line."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What is wrong, in a sentence, and what to do about it."""

    what: str
    remedy: str = ""
    level: Level = Level.PROBLEM
    # How many rows; 0 where it is not about rows.
    count: int = 0
    is_at_least: bool = False
    # A row to look at, by its id as it is shown.
    example: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What is looked at: one workspace or all, so many rows of each table or all (None)."""

    now: datetime
    workspace: Workspace | None = None
    most_rows: int | None = MOST_ROWS


@dataclass(frozen=True, slots=True)
class Check:
    """One look; `claim` is the sentence that holds when it finds nothing."""

    area: str
    name: str
    claim: str
    look: Callable[[Audit], Sequence[Finding]]


@dataclass(frozen=True, slots=True)
class Suspects:
    """Faulty rows: how many, or at least how many, and the id of the newest."""

    count: int
    is_at_least: bool
    example: UUID | None

    def finding(
        self, *, what: str, remedy: str, prefix: str = "", level: Level = Level.PROBLEM
    ) -> list[Finding]:
        """Return one finding, or none where there are no suspects; `prefix` is that of the ids."""
        if self.example is None:
            return []
        example = encode(prefix, self.example) if prefix else self.example.hex
        return [
            Finding(
                what=what,
                remedy=remedy,
                level=level,
                count=self.count,
                is_at_least=self.is_at_least,
                example=example,
            )
        ]


def fact(sentence: str) -> list[Finding]:
    """Return what is told instead of a check's claim when all is well."""
    return [Finding(what=sentence, level=Level.OK)]


def portions(*, rows: QuerySet[Any], audit: Audit, size: int = PORTION) -> Iterator[QuerySet[Any]]:
    """Yield the rows in ranges of ids, newest first, as far back as the audit goes.

    `rows` is not sliced; a filter on it is one that an index with the id serves. A portion has
    the audit's workspace alone.
    """
    mine = Q(workspace=audit.workspace) if audit.workspace else Q()
    rest = rows
    looked = 0
    while audit.most_rows is None or looked < audit.most_rows:
        ids = rest.order_by("-pk").values_list("pk", flat=True)
        first = next(iter(ids[size - 1 : size]), None)
        portion = rest if first is None else rest.filter(pk__gte=first)
        yield portion.filter(mine)
        if first is None:
            return
        rest = rows.filter(pk__lt=first)
        looked += size


def suspects(*, rows: QuerySet[Any], faulty: Q, audit: Audit) -> Suspects:
    """Return those of the rows that are faulty; counts as far as 100."""
    return collect(
        row_id
        for portion in portions(rows=rows, audit=audit)
        for row_id in portion.filter(faulty)
        .order_by("-pk")
        .values_list("pk", flat=True)[: MOST_COUNTED + 1]
    )


def collect(found: Iterable[UUID]) -> Suspects:
    """Return the ids that a walk finds as suspects; stops at 100."""
    ids = list(islice(found, MOST_COUNTED + 1))
    return Suspects(
        count=min(len(ids), MOST_COUNTED),
        is_at_least=len(ids) > MOST_COUNTED,
        example=ids[0] if ids else None,
    )
