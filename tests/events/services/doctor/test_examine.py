"""Examining: each check by itself, and one that fails is a finding."""

import pytest
from django.db import DatabaseError

from events.services import doctor
from subscribers.services.audits.audits import Audit, Check, Finding, Level, fact
from tests.factories.sequences import NOON

AUDIT = Audit(now=NOON)


def test_a_check_that_fails_is_a_finding_and_the_next_is_run() -> None:
    def fail(_: Audit) -> list[Finding]:
        raise DatabaseError("no such table: x\nDETAIL: secret")

    checks = [Check("Area", "broken", "", fail), Check("Area", "sound", "", lambda _: [])]

    broken, sound = doctor.examine(audit=AUDIT, checks=checks)

    assert broken.level is Level.PROBLEM
    assert broken.findings[0].what == "This check failed: no such table: x"
    assert sound.level is Level.OK


@pytest.mark.parametrize(
    ("levels", "worst"),
    [
        ([], Level.OK),
        ([Level.WARNING, Level.PROBLEM], Level.PROBLEM),
        ([Level.WARNING], Level.WARNING),
    ],
)
def test_a_report_is_as_bad_as_its_worst_finding(levels: list[Level], worst: Level) -> None:
    findings = [*fact("All is well."), *(Finding(what="x", level=level) for level in levels)]

    assert doctor.Report(Check("Area", "name", "", lambda _: []), findings).level is worst


def test_every_check_has_a_name_of_its_own_in_its_area() -> None:
    names = [(each.area, each.name) for each in (*doctor.SURROUNDINGS, *doctor.DATA_CHECKS)]

    assert len(names) == len(set(names)) > 40
