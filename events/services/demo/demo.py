"""Makes the demo: its workspace and rules by the product's services, its people as rows."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from uuid import UUID

from django.db import transaction

from events.models import EventDefinition, SyncRule
from events.models import Sequence as SequenceRow
from events.services.configuration import sync_rules, watched_sequences
from events.services.counts import roll_ups
from events.services.demo import catalogue, imports, lives, telling
from events.services.demo.ids import PastIds
from events.services.demo.lives import Life
from events.services.demo.playing import Company
from events.services.demo.rows import Rows
from events.services.sequences import files
from subscribers.models import ImportRun, List, Subscriber, Tag, Workspace
from subscribers.services.audience import lists
from subscribers.services.workspaces import api_keys, workspaces

DEMO_SLUG = "demo"
PEOPLE = 260
SEED = 20_260


class HasOtherPeople(ValueError):
    """The workspace is somebody's own: nothing is put among their people and rules."""

    code = "CONFLICT"


@dataclass(frozen=True, slots=True)
class Seeded:
    """How much of each there is now."""

    workspace: Workspace
    people: int
    events: int
    enrollments: int
    mails: int


def find_demo(*, slug: str) -> Workspace | None:
    """Return the demo with the slug, None where there is none; raises `HasOtherPeople`."""
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
            f"The workspace {slug} has people, sequences or rules of its own: name another slug."
        )
    return None


def seed(*, slug: str, now: datetime, people: int = PEOPLE) -> Seeded:
    """Make the demo; one transaction, so it is there as a whole or not at all.

    Raises `HasOtherPeople`. The caller has seen that it is not there yet.
    """
    moment = now.replace(microsecond=0)
    # The newest hour that is counted is the mark up to which all is: nobody's may be left out.
    while roll_ups.roll_up(now=now, since=now) >= roll_ups.MOST_HOURS:
        pass
    random = Random(SEED)  # noqa: S311 - the same chance every time
    drawn = lives.draw(random=random, now=moment, people=people)
    with transaction.atomic():
        workspace = _workspace(slug)
        start = moment - lives.SPAN - timedelta(days=1)
        company = _company(workspace, drawn, start=start, now=moment)
        # Two demos of one moment have the same people, and ids of their own.
        own_chance = Random(f"{SEED} {slug}")  # noqa: S311 - as above
        rows = Rows(random, PastIds(own_chance))
        for life in drawn:
            telling.tell(company, life, rows)
        imports.add(company, rows)
        rows.store()
        imports.store_runs(company, rows)
    return Seeded(
        workspace=workspace,
        people=len(rows.subscribers),
        events=len(rows.events),
        enrollments=len(rows.enrollments),
        mails=len(rows.emails),
    )


def _workspace(slug: str) -> Workspace:
    """Return the workspace with its lists and keys; its mail is paused from the beginning."""
    workspace = Workspace.objects.filter(slug=slug).first()
    if workspace is None:
        workspace = workspaces.create(name=catalogue.WORKSPACE_NAME, slug=slug)
    workspace.double_opt_in = True
    workspace.from_email = catalogue.SENDER
    workspace.from_name = catalogue.SENDER_NAME
    workspace.timezone = "Europe/Berlin"
    workspace.reminder_hours = 48
    workspace.is_mail_paused = True
    workspaces.save(changed=workspace)
    for name, description, is_default in catalogue.LISTS:
        lists.save(
            changed=List(
                workspace=workspace, name=name, description=description, is_default=is_default
            )
        )
    # Their texts are shown to nobody: who wants to call makes a key.
    api_keys.create(workspace=workspace, name="Website")
    api_keys.create(workspace=workspace, name="Staging", is_test=True)
    return workspace


def _company(
    workspace: Workspace, drawn: Sequence[Life], *, start: datetime, now: datetime
) -> Company:
    """Make rules and sequences, as of the demo's first day, and return what people share."""
    sync_rules.replace_all(workspace=workspace, specs=catalogue.RULES)
    for elements, is_activating in (
        (catalogue.ACTIVE_SEQUENCES, True),
        (catalogue.DRAFTS, False),
    ):
        files.import_sequences(
            workspace=workspace, elements=elements, is_activating=is_activating, now=start
        )
    names = {each.name for life in drawn for each in life.happenings}
    definitions = _define(workspace, {*names, imports.EVENT_NAME}, start)
    once = SequenceRow.objects.filter(
        workspace=workspace, enrollment_mode=SequenceRow.Mode.ONE_TIME
    )
    tags = Tag.objects.filter(workspace=workspace)
    members = List.objects.filter(workspace=workspace)
    return Company(
        workspace=workspace,
        watched=watched_sequences.read(workspace_id=workspace.pk),
        rules_by_name=sync_rules.for_events(workspace_id=workspace.pk),
        tag_ids=dict(tags.values_list("name", "pk")),
        list_ids=dict(members.values_list("name", "pk")),
        definition_ids=definitions,
        once_ever=frozenset(once.values_list("pk", flat=True)),
        now=now,
    )


def _define(workspace: Workspace, names: Collection[str], at: datetime) -> dict[str, UUID]:
    rows = [
        EventDefinition(workspace=workspace, name=name, created_at=at) for name in sorted(names)
    ]
    EventDefinition.objects.bulk_create(rows)
    return {row.name: row.pk for row in rows}
