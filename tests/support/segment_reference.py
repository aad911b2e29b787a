"""Who belongs to a segment, evaluated in plain Python on one person's facts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from events.language import segments
from events.language.segments import Group, SegmentFilter


@dataclass
class Facts:
    status: str
    email_key: str
    email: str
    first_name: str
    last_name: str
    created_at: datetime
    attributes: Mapping[str, Any]
    tags: set[str] = field(default_factory=set)
    # Public ids of the lists that they are on now.
    lists: set[str] = field(default_factory=set)
    # By event name.
    events: dict[str, list[datetime]] = field(default_factory=dict)
    # Kind and time.
    mails: list[tuple[str, datetime]] = field(default_factory=list)
    # Of each mail: its kind, and what became of it: the kind of fact, by whom or how, when.
    activity: list[tuple[str, list[tuple[str, str, datetime]]]] = field(default_factory=list)


def belongs(facts: Facts, group: Group, *, roots: Mapping[str, Group], now: datetime) -> bool:
    answers = [
        belongs(facts, each, roots=roots, now=now)
        if isinstance(each, Group)
        else holds(facts, each, roots=roots, now=now)
        for each in group.children
    ]
    return all(answers) if group.join == "and" else any(answers)


def holds(facts: Facts, one: SegmentFilter, *, roots: Mapping[str, Group], now: datetime) -> bool:  # noqa: C901 - a field each
    operator, name = one.operator, one.name
    is_negative = operator in {"is_not", "not_contains", "is_empty", "less_than_count"}
    since = now - timedelta(hours=one.hours) if one.hours is not None else None
    match one.field:
        case "status":
            answer = facts.status == name
        case "tag":
            answer = bool(facts.tags) if "empty" in operator else name in facts.tags
        case "list":
            answer = bool(facts.lists) if "empty" in operator else name in facts.lists
        case "segment":
            answer = name in roots and belongs(facts, roots[name], roots=roots, now=now)
        case "email":
            is_whole = operator in {"is", "is_not"}
            answer = facts.email_key == name if is_whole else _part(name, facts.email)
        case "emailProvider":
            answer = "empty" in operator or facts.email_key.endswith(f"@{name}")
        case "firstName" | "lastName":
            text = facts.first_name if one.field == "firstName" else facts.last_name
            answer = bool(text) if "empty" in operator else _part(name, text)
        case "added":
            assert since is not None
            is_newer = operator == "less_than"
            answer = facts.created_at > since if is_newer else facts.created_at < since
        case "attribute":
            test: Any = {
                "is_not": "is", "not_contains": "contains", "is_empty": "is_not_empty",
            }.get(operator, operator)  # fmt: skip
            answer = segments.meets(facts.attributes, name, test, one.text)
        case "event":
            times = facts.events.get(name, [])
            answer = _at_least(times, since, one.count)
        case "emailSent":
            times = [at for kind, at in facts.mails if name in {"", kind}]
            answer = _at_least(times, since, one.count)
        case _:
            answer = _at_least(_of_activity(facts, one), since, one.count)
    return answer != is_negative


def _of_activity(facts: Facts, one: SegmentFilter) -> list[datetime]:
    """Return the last time of each mail; one of machines and of another sort of bounce is left."""
    kind = one.field.removeprefix("email").lower()
    sort = {"is_temporary_bounce": "soft", "is_permanent_bounce": "hard"}.get(one.operator)
    times = []
    for mail_kind, found in facts.activity:
        is_wanted = mail_kind == one.name if one.name else mail_kind != "confirmation"
        own = [
            at for what, how, at in found
            if what == kind and how != "machine" and sort in {None, how}
        ]  # fmt: skip
        if is_wanted and own:
            times.append(max(own))
    return times


def _part(part: str, text: str) -> bool:
    return segments.fold(part) in segments.fold(text)


def _at_least(times: list[datetime], since: datetime | None, count: int) -> bool:
    return sum(1 for at in times if since is None or at >= since) >= count
