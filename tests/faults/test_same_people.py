"""32 threads change, tag, erase, report and confirm the same ten people: one order explains it.

`SAME_PEOPLE_CALLS` (20) sets how many calls each thread makes.
"""

import os
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from events.models import Enrollment, Event
from events.services.configuration import sync_rules
from events.services.configuration.sync_rules import RuleSpec
from subscribers.models import ConsentRecord, Subscriber
from subscribers.services.workspaces import workspaces
from tests.conftest import new_caller
from tests.faults.test_mixed_stress import assert_enrollments_are_lawful, deadlocks
from tests.support.one_order import assert_some_order
from tests.support.same_people import CONFIRMED, LEFT, RULES, Crowd, Person, Place
from tests.support.sequence_making import MAIL, make_sequence

pytestmark = [pytest.mark.live, pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]
CALLS = int(os.environ.get("SAME_PEOPLE_CALLS", "20"))
THREADS, PEOPLE = 32, 10
STATUSES = {200, 404}


def test_one_order_explains_what_32_threads_did_to_the_same_ten_people() -> None:
    crowd = new_crowd()
    before = deadlocks()

    with ThreadPoolExecutor(THREADS) as together:
        for done in [together.submit(crowd.repeat, seed, CALLS) for seed in range(THREADS)]:
            done.result()

    by_call = Counter(crowd.statuses)
    sys.stdout.write(f"{by_call.total()} calls: {dict(by_call)}\n")
    assert {status for _, status in by_call} <= STATUSES, by_call
    assert deadlocks() == before
    assert_every_answered_event_is_there_unless_its_person_was_erased(crowd)
    for address in crowd.addresses:
        end = Place(person=stored(address))
        assert_some_order(crowd.done[address], start=Place(), is_end=partial(has_same_person, end))
    assert Enrollment.objects.exists()
    assert_enrollments_are_lawful()


def has_same_person(one: Place, other: Place) -> bool:
    return one.person == other.person


def new_crowd() -> Crowd:
    """Return who calls a workspace that asks everybody to confirm, with rules and sequences."""
    workspace = workspaces.create(
        name="Careful", double_opt_in=True, from_email="news@example.com", default_lists=["News"]
    )
    specs = [
        RuleSpec(trigger_event=name, add=added, remove=removed)
        for name, (added, removed) in RULES.items()
        if added
    ]
    sync_rules.replace_all(workspace=workspace, specs=specs)
    make_sequence(workspace, MAIL, trigger="tag_added", tagNames=["vip", "customer"])
    stop = {"type": "tag_added", "value": "lead"}
    make_sequence(workspace, MAIL, eventName="view", stopCondition=stop)
    addresses = [f"person{number}@example.com" for number in range(PEOPLE)]
    return Crowd(caller=new_caller(workspace), addresses=addresses)


def assert_every_answered_event_is_there_unless_its_person_was_erased(crowd: Crowd) -> None:
    there = {person.public_id for person in Subscriber.objects.all()}
    rows = Event.objects.select_related("subscriber")
    found = {row.public_id: row.subscriber.public_id for row in rows}
    assert found == {event: owner for event, owner in crowd.events.items() if owner in there}
    nothing: dict[str, list[object]] = {"tagsAdded": [], "tagsRemoved": []}
    crowd.effects = {row.public_id: nothing | row.effects for row in rows}


def stored(address: str) -> Person | None:
    """Return who has an address by the database, with the lines of their ledger."""
    row = Subscriber.objects.filter(email_key=address).first()
    if row is None:
        return None
    lines = ConsentRecord.objects.filter(subscriber=row, kind__in=[CONFIRMED, LEFT])
    return Person(
        id=row.public_id,
        status=row.status,
        first_name=row.first_name,
        last_name=row.last_name,
        attributes=frozenset(row.attributes.items()),
        tags=frozenset(row.tag_links.values_list("tag__name", flat=True)),
        ledger=tuple(lines.order_by("id").values_list("kind", flat=True)),
        events=frozenset(each.public_id for each in row.events.all()),
    )
