"""More people for a demo, as many as asked for, by both imports.

Their events are historical and start nothing, so the rows contain the tags that the rules would
have added.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

from events.intake.payloads import Limits
from events.services.counts import roll_ups
from events.services.demo import imports, lives
from events.services.demo.catalogue import NEWS, RULES
from events.services.demo.imports import Now, Report
from events.services.demo.lives import Deed, Life
from subscribers.models import Workspace

SEED = 40_260


def add(
    *, workspace: Workspace, people: int, limits: Limits, clock: Now, report: Report
) -> tuple[int, int]:
    """Add so many people and what they did; returns how many people and events were imported.

    Many transactions, one a batch; `report` gets the number of rows of each. The same moment gives
    the same people.
    """
    now = clock().replace(microsecond=0)
    into = imports.Target(workspace, limits, clock, report)
    persons = (_person(life, now) for life in _crowd(people, now))
    people_run = imports.import_people(file="crowd-people.jsonl", rows=persons, into=into)
    events = (row for life in _crowd(people, now) for row in _events(life, now))
    events_run = imports.import_events(file="crowd-events.jsonl", rows=events, into=into)
    while roll_ups.roll_up(now=clock(), since=now) >= roll_ups.MOST_HOURS:
        pass
    return people_run.subscribers_created, events_run.recorded


def _crowd(people: int, now: datetime) -> Iterator[Life]:
    """Yield lives one by one, the same each time."""
    random = Random(SEED)  # noqa: S311 - the same chance every time
    for number in range(people):
        age = lives.SPAN * random.random() + timedelta(hours=2)
        yield lives.draw_one(random=random, number=10_000 + number, at=now - age, now=now)


def _person(life: Life, now: datetime) -> dict[str, Any]:
    names = [
        each.name for _, each in life.moments(until=now) if isinstance(each, lives.PlannedEvent)
    ]
    left_at = next((at for at, deed in life.deeds if deed is Deed.LEAVES and at < now), None)
    given = {
        "email": life.email,
        "externalId": f"user_{life.number}",
        "firstName": life.first_name,
        "lastName": life.last_name or None,
        "customAttributes": life.attributes,
        "timezone": life.timezone or None,
        "createdAt": life.signed_up_at.isoformat(),
        "tags": _tags_after(names),
        "lists": [NEWS],
        "status": "unsubscribed" if left_at else "active",
        "unsubscribedAt": left_at.isoformat() if left_at else None,
    }
    return {name: value for name, value in given.items() if value is not None}


def _events(life: Life, now: datetime) -> Iterator[dict[str, Any]]:
    for number, (at, each) in enumerate(life.moments(until=now)):
        if isinstance(each, lives.PlannedEvent):
            yield {
                "email": life.email,
                "name": each.name,
                "eventId": f"{each.name}-{life.number}-{number}",
                "occurredAt": at.isoformat(),
                "properties": each.properties,
            }


def _tags_after(names: Sequence[str]) -> list[str]:
    tags: set[str] = set()
    for name in names:
        for rule in RULES:
            if rule.trigger_event == name and tags.issuperset(rule.requires):
                tags = (tags - set(rule.remove)) | set(rule.add)
    return sorted(tags)
