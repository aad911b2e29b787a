"""The doctor: looks at settings, database, worker, mail and at what must hold of the rows.

Each check is a small function; none writes. `examine` runs them one after another, and a check
that fails itself is a finding.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from django.db import DatabaseError, InterfaceError, connection

from events.services.database_faults import brief
from events.services.doctor import (
    database,
    enrollments,
    history,
    outbox,
    sequences,
    surroundings,
    working,
)
from subscribers.services.audits import audience
from subscribers.services.audits.audits import Audit, Check, Finding, Level

__all__ = [
    "DATA_CHECKS", "SURROUNDINGS", "WITHOUT_DATABASE", "WITHOUT_TABLES", "Report", "examine",
    "is_reachable",
]  # fmt: skip

WITHOUT_DATABASE: tuple[Check, ...] = surroundings.CHECKS
WITHOUT_TABLES: tuple[Check, ...] = (*WITHOUT_DATABASE, *database.CHECKS[:2])
SURROUNDINGS: tuple[Check, ...] = (
    *WITHOUT_DATABASE,
    *database.CHECKS,
    *working.CHECKS,
)
DATA_CHECKS: tuple[Check, ...] = (
    *audience.CHECKS,
    *audience.MAIL_CHECKS,
    *outbox.CHECKS,
    *sequences.CHECKS,
    *enrollments.CHECKS,
    *history.CHECKS,
)


@dataclass(frozen=True, slots=True)
class Report:
    """What one check said."""

    check: Check
    findings: Sequence[Finding]

    @property
    def level(self) -> Level:
        """The worst of its findings."""
        levels = {finding.level for finding in self.findings}
        worst = (level for level in (Level.PROBLEM, Level.WARNING) if level in levels)
        return next(worst, Level.OK)


def examine(*, audit: Audit, checks: Iterable[Check]) -> Iterator[Report]:
    """Run the checks in order; nothing may be open: some touch the network."""
    for check in checks:
        yield Report(check, _look(check, audit))


def is_reachable() -> bool:
    """Tell whether the database answers; without it few checks make sense."""
    try:
        connection.ensure_connection()
    except (DatabaseError, InterfaceError):
        return False
    return True


def _look(check: Check, audit: Audit) -> Sequence[Finding]:
    try:
        return check.look(audit)
    except (DatabaseError, InterfaceError) as error:
        remedy = "Mend the database first (see above), then run doctor again."
        return [Finding(what=f"This could not be looked at: {brief(error)}", remedy=remedy)]
