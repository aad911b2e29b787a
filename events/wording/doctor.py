"""The doctor's findings, for people and for programs."""

from collections.abc import Iterator, Sequence
from typing import Any

from events.services.doctor import Report
from subscribers.services.audits.audits import Finding, Level

WIDTH = max(len(level) for level in Level)


def lines(reports: Sequence[Report]) -> Iterator[str]:
    """Yield a line a check, by area, then what to do."""
    width = max((len(each.check.name) for each in reports), default=0)
    area = ""
    for each in reports:
        if each.check.area != area:
            if area:
                yield ""
            area = each.check.area
            yield area
        yield f"  {each.level:<{WIDTH}}  {each.check.name:<{width}}  {_said(each)}"
    yield ""
    yield from _what_to_do(reports)


def verdict(reports: Sequence[Report]) -> str:
    problems, warnings = count(reports, Level.PROBLEM), count(reports, Level.WARNING)
    if not problems and not warnings:
        return f"Healthy: {len(reports)} checks, nothing found."
    parts = [_plural(problems, "problem"), _plural(warnings, "warning")]
    start = "Not healthy" if problems else "Healthy"
    return f"{start}: {len(reports)} checks, {', '.join(part for part in parts if part)}."


def as_wire(reports: Sequence[Report]) -> dict[str, Any]:
    problems = count(reports, Level.PROBLEM)
    return {
        "healthy": not problems,
        "problems": problems,
        "warnings": count(reports, Level.WARNING),
        "checks": [
            {
                "area": each.check.area,
                "name": each.check.name,
                "level": each.level.value,
                "said": _said(each),
                "findings": [
                    _finding(found) for found in each.findings if found.level is not Level.OK
                ],
            }
            for each in reports
        ],
    }


def count(reports: Sequence[Report], level: Level) -> int:
    return sum(found.level is level for each in reports for found in each.findings)


def _said(report: Report) -> str:
    return " ".join(map(_sentence, report.findings)) or report.check.claim


def _sentence(found: Finding) -> str:
    return found.what if found.level is Level.OK else f"{found.what}{_amount(found)}."


def _amount(found: Finding) -> str:
    """Return the count and an example, in brackets."""
    number = f"at least {found.count:,}" if found.is_at_least else f"{found.count:,}"
    example = f"such as {found.example}" if found.count > 1 else found.example
    parts = [number if found.count else "", example if found.example else ""]
    said = ", ".join(part for part in parts if part)
    return f" ({said})" if said else ""


def _what_to_do(reports: Sequence[Report]) -> Iterator[str]:
    todo = [
        (each.check, found)
        for level in (Level.PROBLEM, Level.WARNING)
        for each in reports
        for found in each.findings
        if found.level is level and found.remedy
    ]
    if not todo:
        return
    yield "What to do"
    for number, (check, found) in enumerate(todo, start=1):
        yield f"  {number}. {check.area}, {check.name}: {found.what}."
        yield f"     {found.remedy}"
    yield ""


def _finding(found: Finding) -> dict[str, Any]:
    return {
        "level": found.level.value,
        "what": found.what,
        "count": found.count,
        "isAtLeast": found.is_at_least,
        "example": found.example,
        "remedy": found.remedy,
    }


def _plural(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' if number > 1 else ''}" if number else ""
