"""Audits: checks, their findings, and the walk through large tables.

A check only reads. It reads rows in portions by id, newest first, so that no query runs for long.
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
# More faulty rows are reported as "at least".
MOST_COUNTED = 100


class Level(StrEnum):
    """How bad a finding is; `ok` is a fact worth a line."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What is wrong, in a sentence, and what to do about it."""

    what: str
    remedy: str = ""
    level: Level = Level.PROBLEM
    # Of rows; 0 where the finding is not about rows.
    count: int = 0
    is_at_least: bool = False
    # The public id of a row to look at.
    example: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What to check: one workspace or all, the newest `most_rows` of each table or all (None)."""

    now: datetime
    workspace: Workspace | None = None
    most_rows: int | None = MOST_ROWS


@dataclass(frozen=True, slots=True)
class Check:
    """One check; `claim` is the sentence that holds when it finds nothing."""

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
        """Return one finding, or none without suspects; `prefix` is that of public ids."""
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
    """Return the line shown instead of a check's claim when all is well."""
    return [Finding(what=sentence, level=Level.OK)]


def portions(*, rows: QuerySet[Any], audit: Audit, size: int = PORTION) -> Iterator[QuerySet[Any]]:
    """Yield the audit's rows in ranges of ids, newest first, as far back as the audit goes. `rows`
    is not sliced; a filter on it needs an index that ends with the id.
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
    """Return the faulty rows; counts to 100."""
    return collect(
        row_id
        for portion in portions(rows=rows, audit=audit)
        for row_id in portion.filter(faulty)
        .order_by("-pk")
        .values_list("pk", flat=True)[: MOST_COUNTED + 1]
    )


def collect(found: Iterable[UUID]) -> Suspects:
    """Count ids as suspects; stops at 100."""
    ids = list(islice(found, MOST_COUNTED + 1))
    return Suspects(
        count=min(len(ids), MOST_COUNTED),
        is_at_least=len(ids) > MOST_COUNTED,
        example=ids[0] if ids else None,
    )
