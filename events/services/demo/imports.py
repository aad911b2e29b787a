"""What a demo's company brought from its old system: people, their orders, and refused rows."""

import json
from datetime import timedelta

from events.models import Event
from events.services.demo import consenting
from events.services.demo.catalogue import COUNTRIES, FIRST_NAMES, LAST_NAMES, NEWS
from events.services.demo.lives import Life
from events.services.demo.playing import Company, Story
from events.services.demo.rows import Rows
from subscribers.models import ImportReject, ImportRun, Subscriber
from subscribers.rows import faults
from subscribers.wire import addresses
from subscribers.wire.payloads import Fault

EVENT_NAME = "order.imported"
PEOPLE = 30
ORDERS_EACH = 3
# How long ago the imports ran.
AGO = timedelta(days=83)
# Whose runs these are; by it a demo is known.
OWNER = "seed_demo"
# Line, field, reason, row: of the file of people, then of the file of orders.
REJECTED_PEOPLE = (
    (9, "email", "is not a valid address: An email address must have an @-sign.",
     {"email": "hanna.example.com", "firstName": "Hanna"}),
    (17, "email", "is needed: give email, externalId or both.", {"firstName": "Jo"}),
    (24, "createdAt", "names a day that does not exist.",
     {"email": "li.wei@example.com", "createdAt": "2025-02-30T10:00:00Z"}),
    (31, "status", "must be active, unsubscribed, bounced, complained or pending.",
     {"email": "marc@example.org", "status": "maybe"}),
)  # fmt: skip
REJECTED_ORDERS = (
    (12, "occurredAt", "must be an ISO 8601 time with an offset, as 2026-01-31T09:30:00Z.",
     {"email": "crm.3@example.com", "name": EVENT_NAME, "occurredAt": "03/04/2025"}),
    (58, "properties", "must be an object, not a string.",
     {"email": "crm.17@example.com", "name": EVENT_NAME, "properties": "EUR 12"}),
)  # fmt: skip


def add(company: Company, rows: Rows) -> None:
    """Add the imported people and their orders to the rows."""
    at = company.now - AGO
    for number in range(PEOPLE):
        known_for = timedelta(days=rows.random.randint(120, 700))
        person = _person(company, rows, number, known_for)
        life = Life(
            number=number,
            email=person.email,
            first_name=person.first_name,
            last_name=person.last_name,
            timezone="",
            attributes={},
            signed_up_at=person.created_at,
        )
        story = Story(company=company, life=life, person=person, rows=rows)
        consenting.note(story, consenting.Kind.CONFIRMED, at, method="import")
        consenting.join(story, NEWS, at)
        for order in range(ORDERS_EACH):
            place = timedelta(milliseconds=number * ORDERS_EACH + order)
            rows.events.append(_order(company, rows, person, order, place))


def store_runs(company: Company, rows: Rows) -> None:
    """Store the two runs and their refused rows; after the rows that they count."""
    orders = [each for each in rows.events if each.is_historical]
    started_at = company.now - AGO
    people_run = ImportRun(
        kind=ImportRun.Kind.SUBSCRIBERS,
        files=["crm-contacts.csv"],
        recorded=PEOPLE,
        duplicates=2,
        subscribers_created=PEOPLE,
        started_at=started_at,
        byte_offset=3_871,
    )
    orders_run = ImportRun(
        kind=ImportRun.Kind.EVENTS,
        files=["crm-orders.jsonl"],
        recorded=len(orders),
        definitions_created=1,
        started_at=started_at + timedelta(minutes=6),
        byte_offset=18_204,
        oldest_at=min(each.occurred_at for each in orders),
        newest_at=max(each.occurred_at for each in orders),
    )
    for run, rejected in ((people_run, REJECTED_PEOPLE), (orders_run, REJECTED_ORDERS)):
        run.id = rows.ids.at(run.started_at)
        run.workspace = company.workspace
        run.actor = OWNER
        run.status = ImportRun.Status.FINISHED
        run.options = {"optInMode": "confirmed"} if run is people_run else {}
        run.fingerprint = f"{rows.random.getrandbits(256):064x}"
        run.rejected = len(rejected)
        run.rows = run.recorded + run.duplicates + run.rejected
        run.line = run.rows + 1
        run.reasons = {faults.reason(Fault(field, message)): 1 for _, field, message, _ in rejected}
        run.updated_at = run.finished_at = run.started_at + timedelta(seconds=2)
        run.save(force_insert=True)
        ImportReject.objects.bulk_create(
            ImportReject(
                id=rows.ids.at(run.started_at + timedelta(milliseconds=line)),
                run=run,
                line=line,
                field=field,
                reason=faults.sentence([Fault(field, message)]),
                row=json.dumps(row),
            )
            for line, field, message, row in rejected
        )


def _person(company: Company, rows: Rows, number: int, known_for: timedelta) -> Subscriber:
    at = company.now - AGO
    address = addresses.parse(f"crm.{number + 1}@example.com")
    person = Subscriber(
        id=rows.ids.at(at + timedelta(milliseconds=number)),
        workspace=company.workspace,
        email=address.text,
        email_key=address.key,
        external_id=f"crm_{number + 1}",
        first_name=rows.random.choice(FIRST_NAMES),
        last_name=rows.random.choice(LAST_NAMES),
        attributes={"country": rows.random.choice(COUNTRIES)},
        unsubscribe_token=f"{rows.random.getrandbits(128):032x}",
        created_at=at - known_for,
        updated_at=at,
    )
    rows.subscribers.append(person)
    return person


def _order(
    company: Company, rows: Rows, person: Subscriber, number: int, place: timedelta
) -> Event:
    received_at = company.now - AGO + timedelta(minutes=6, seconds=1) + place
    return Event(
        id=rows.ids.at(received_at),
        workspace=company.workspace,
        subscriber=person,
        definition_id=company.definition_ids[EVENT_NAME],
        event_id=f"{person.external_id}-{number + 1}",
        occurred_at=person.created_at + timedelta(days=35 * number, hours=3),
        received_at=received_at,
        is_historical=True,
        properties={"total": rows.random.randint(9, 240), "currency": "EUR"},
    )
