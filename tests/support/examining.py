"""What the doctor finds in the database of a test."""

from datetime import UTC, datetime

from events.services import doctor
from subscribers.services.audits.audits import Audit, Level

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def found(*, now: datetime = NOON) -> list[str]:
    """Return the area and name of each check of the data that finds anything."""
    reports = doctor.examine(audit=Audit(now=now), checks=doctor.DATA_CHECKS)
    return [
        f"{each.check.area}, {each.check.name}" for each in reports if each.level is not Level.OK
    ]


def levels(*, now: datetime = NOON) -> dict[str, Level]:
    """Return the level of each check that finds anything."""
    reports = doctor.examine(audit=Audit(now=now), checks=doctor.DATA_CHECKS)
    return {
        f"{each.check.area}, {each.check.name}": each.level
        for each in reports
        if each.level is not Level.OK
    }
