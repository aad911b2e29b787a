"""Creates the demo: its company, the 90 days of its people, and what it imported."""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

from django.db import transaction

from events.intake.payloads import Limits
from events.models import Enrollment, Event, EventCount, SyncRule, TouchedHour
from events.models import Sequence as SequenceRow
from events.services.configuration import sync_rules
from events.services.counts import current, numbers, roll_ups, step_roll_ups, touched_hours
from events.services.counts.roll_ups import Kind
from events.services.demo import catalogue, imports, lives, readers
from events.services.demo.imports import Report
from events.services.demo.mail_server import Clock
from events.services.demo.playing import Play
from events.services.sequences import files
from subscribers.models import ImportRun, List, OutgoingEmail, Subscriber, SubscriberTag, Workspace
from subscribers.services.audience import lists
from subscribers.services.workspaces import api_keys, workspaces

ROWS_IN_STATEMENT = 200
DEMO_SLUG = "demo"
PEOPLE = 160
SEED = 20_260


class HasOtherPeople(ValueError):
    """The workspace is in use; the demo adds nothing to its people and rules."""

    code = "CONFLICT"


@dataclass(frozen=True, slots=True)
class Seeded:
    workspace: Workspace
    people: int
    events: int
    enrollments: int
    mails: int


def find_demo(*, slug: str) -> Workspace | None:
    """Return the demo with the slug, None if there is none; raises `HasOtherPeople`."""
    workspace = Workspace.objects.filter(slug=slug).first()
    if workspace is None:
        return None
    if ImportRun.objects.filter(workspace=workspace, actor=imports.OWNER).exists():
        return workspace
    is_used = any(
        model._default_manager.filter(workspace=workspace).exists()
        for model in (Subscriber, SequenceRow, SyncRule)
    )
    if is_used:
        raise HasOtherPeople(
            f"The workspace {slug} has people, sequences or rules of its own, or a demo that was "
            "not finished: name another slug."
        )
    return None


def seed(
    *, slug: str, now: datetime, limits: Limits, people: int = PEOPLE, report: Report | None = None
) -> Seeded:
    """Create the demo, in many short transactions; calls `report` after each.

    The caller has checked that it does not exist. The imports come last: they mark a demo as
    complete.
    """
    moment = now.replace(microsecond=0)
    # Counting goes on from the newest counted hour, so all earlier events are counted first.
    while roll_ups.roll_up(now=now, since=now) >= roll_ups.MOST_HOURS:
        pass
    while (at := numbers.counted_at()) is None or at < now:
        step_roll_ups.roll_up(now=now)
    play = begin(slug=slug, now=moment, limits=limits, people=people)
    workspace = play.workspace
    play.until(moment, report=report)
    at = moment - imports.AGO
    imports.add_old_customers(workspace=workspace, limits=limits, random=play.random, at=at)
    with transaction.atomic():
        _date_tags(workspace)
        _count(workspace)
        readers.read(workspace=workspace, random=play.random, until=moment)
        play.release()
        # Their rows are of the past, which is counted for good.
        people_ids = Subscriber.objects.filter(workspace=workspace).values_list("pk", flat=True)
        touched_hours.touch_people(people_ids)
    step_roll_ups.roll_up(now=now)
    while TouchedHour.objects.exists():
        step_roll_ups.recount(now=now)
    current.count_due(now=now)
    counted = (Subscriber, Event, Enrollment, OutgoingEmail)
    managers = (each._default_manager for each in counted)
    return Seeded(workspace, *(each.filter(workspace=workspace).count() for each in managers))


def begin(*, slug: str, now: datetime, limits: Limits, people: int) -> Play:
    """Draw the people and create their company, as of the first day; one transaction."""
    random = Random(SEED)  # noqa: S311 - the same chance every time
    drawn = lives.draw(random=random, now=now, people=people)
    start = now - lives.SPAN - timedelta(days=1)
    with transaction.atomic():
        workspace = _company(slug, start)
    sequences = SequenceRow.objects.filter(workspace=workspace)
    return Play(
        workspace=workspace,
        lives=drawn,
        limits=limits,
        random=random,
        clock=Clock(start),
        sequence_ids=list(sequences.values_list("pk", flat=True)),
    )


def _company(slug: str, start: datetime) -> Workspace:
    """Create the workspace, its rules and sequences as of the first day, and return it.

    In memory it has the settings of the finished demo. The stored row has no deadlines of
    confirmations yet: a worker would apply them at its own time.
    """
    made = _workspace(slug)
    sync_rules.replace_all(workspace=made, specs=catalogue.RULES)
    for elements, is_activating in ((catalogue.ACTIVE_SEQUENCES, True), (catalogue.DRAFTS, False)):
        files.import_sequences(
            workspace=made, elements=elements, is_activating=is_activating, now=start
        )
    workspace = Workspace.objects.get(pk=made.pk)
    workspace.reminder_hours, workspace.give_up_days = 48, 30
    return workspace


def _workspace(slug: str) -> Workspace:
    """Return the workspace with its lists and keys; its mail is paused from the beginning."""
    workspace = Workspace.objects.filter(slug=slug).first()
    if workspace is None:
        workspace = workspaces.create(name=catalogue.WORKSPACE_NAME, slug=slug)
    workspace.double_opt_in = True
    workspace.from_email = catalogue.SENDER
    workspace.from_name = catalogue.SENDER_NAME
    workspace.postal_address = catalogue.POSTAL_ADDRESS
    workspace.mail_layout = catalogue.MAIL_LAYOUT
    workspace.timezone = "Europe/Berlin"
    workspace.give_up_days = 0
    workspace.is_mail_paused = True
    workspace.tracks_opens = workspace.tracks_clicks = True
    workspaces.save(changed=workspace)
    for name, description, is_default in catalogue.LISTS:
        row = List(workspace=workspace, name=name, description=description, is_default=is_default)
        lists.save(changed=row)
    # Their texts are never shown: an operator who needs a key creates one.
    api_keys.create(workspace=workspace, name="Website")
    api_keys.create(workspace=workspace, name="Staging", is_test=True)
    return workspace


def _date_tags(workspace: Workspace) -> None:
    tags = list(SubscriberTag.objects.filter(workspace=workspace))
    for each in tags:
        each.created_at = datetime.fromtimestamp((each.pk.int >> 80) / 1000, tz=UTC)
    SubscriberTag.objects.bulk_update(tags, ["created_at"], batch_size=ROWS_IN_STATEMENT)


def _count(workspace: Workspace) -> None:
    units = EventCount.Unit
    hours, days = Counter[tuple[Kind, datetime]](), Counter[tuple[Kind, datetime]]()
    events = Event.objects.filter(workspace=workspace)
    for definition_id, received_at, occurred_at in events.values_list(
        "definition_id", "received_at", "occurred_at"
    ):
        kind = Kind(definition_id, workspace.pk)
        hour = received_at.replace(minute=0, second=0, microsecond=0)
        hours[kind, hour] += 1
        days[kind, occurred_at.replace(hour=0, minute=0, second=0, microsecond=0)] += 1
    roll_ups.write(units.DAY_OF_OCCURRENCE, days)
    roll_ups.write(units.HOUR_OF_RECEIPT, hours)
