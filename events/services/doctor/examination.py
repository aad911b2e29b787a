"""The checks in their order. A check that fails to run is a finding."""

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

WITHOUT_DATABASE: tuple[Check, ...] = surroundings.CHECKS
WITHOUT_TABLES: tuple[Check, ...] = (*WITHOUT_DATABASE, *database.CHECKS[:2])
SURROUNDINGS: tuple[Check, ...] = (*WITHOUT_DATABASE, *database.CHECKS, *working.CHECKS)
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
    check: Check
    findings: Sequence[Finding]

    @property
    def level(self) -> Level:
        levels = {finding.level for finding in self.findings}
        worst = (level for level in (Level.PROBLEM, Level.WARNING) if level in levels)
        return next(worst, Level.OK)


def examine(*, audit: Audit, checks: Iterable[Check]) -> Iterator[Report]:
    """Run the checks in order; outside any transaction, since some use the network."""
    for check in checks:
        yield Report(check, _look(check, audit))


def is_reachable() -> bool:
    try:
        connection.ensure_connection()
    except (DatabaseError, InterfaceError):
        return False
    return True


def _look(check: Check, audit: Audit) -> Sequence[Finding]:
    try:
        return check.look(audit)
    except (DatabaseError, InterfaceError) as error:
        remedy = "Repair the database first (see above), then run doctor again."
        return [Finding(what=f"This check failed: {brief(error)}", remedy=remedy)]
