"""Each admin page takes as many statements for three times as many rows of everything."""

import re
from collections import Counter

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Group, Permission, User
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from events.models import Enrollment, Event, EventDefinition, Sequence, SyncRule
from events.services import backtests
from subscribers.models import ImportRun, List, OutgoingEmail, Segment, Subscriber, Tag, Workspace
from tests import factories
from tests.events.admin.test_sequence_actions import new_version
from tests.support.admin_walk import Address, World, addresses, asked_of, make_world
from tests.support.sequence_making import MAIL, make_sequence

# What is looked for, so that statements are alike.
VALUE = re.compile(r"'[^']*'|\b\d+\b")
# A session is prolonged now and then.
OF_SESSION = ("SAVEPOINT", "RELEASE SAVEPOINT", 'UPDATE "django_session"')
# Pages whose statements may grow, and why.
EXCEPTIONS: dict[str, str] = {}


def grow(world: World) -> None:
    """Add a row of every kind to what the pages are about, all in the same workspace."""
    workspace, person = world[Workspace], world[Subscriber]
    other = factories.SubscriberFactory.create(workspace=workspace)
    tag = factories.TagFactory.create(workspace=workspace)
    grow_audience(world, person, tag)
    grow_audience(world, other, tag)
    factories.SubscriberTagFactory.create(subscriber=other, tag=world[Tag])
    factories.ListMembershipFactory.create(subscriber=other, list=world[List])
    factories.FailedStageFactory.create(
        event__subscriber=other, event__definition=world[EventDefinition]
    )
    grow_effects(world, tag)
    grow_sequences(world)
    grow_others(world, name=tag.name)


def grow_audience(world: World, person: Subscriber, tag: Tag) -> None:
    mail_list = factories.ListFactory.create(workspace=person.workspace)
    factories.SubscriberTagFactory.create(subscriber=person, tag=tag)
    factories.ListMembershipFactory.create(subscriber=person, list=mail_list)
    factories.EventFactory.create(subscriber=person, definition=world[EventDefinition])
    factories.EventFactory.create(subscriber=person, definition__workspace=person.workspace)
    factories.ConsentRecordFactory.create(subscriber=person, list_name=mail_list.name)
    sent = factories.OutgoingEmailFactory.create(subscriber=person, sent=True)
    factories.MailActivityFactory.create(email=sent)
    factories.OutgoingEmailFactory.create(subscriber=person, failed=True)
    factories.OutgoingEmailFactory.create(subscriber=person, unknown=True)


def grow_effects(world: World, tag: Tag) -> None:
    event, rule = world[Event], world[SyncRule]
    factories.SyncRuleTagFactory.create(rule=rule, tag=tag)
    more = factories.SyncRuleTagFactory.create(
        rule__workspace=rule.workspace, rule__trigger_event=rule.trigger_event, tag=tag
    )
    change = {"tag": tag.name, "tagId": tag.pk.hex, "rule": more.rule_id.hex}
    event.effects["tagsAdded"] = [*event.effects["tagsAdded"], change]
    event.save(update_fields=["effects"])


def grow_sequences(world: World) -> None:
    sequence, enrollment, event = world[Sequence], world[Enrollment], world[Event]
    own = {"workspace": sequence.workspace}
    version = sequence.current_version
    assert version is not None
    for state in ("waiting", "failed", "paused", "completed"):
        begun = factories.EnrollmentFactory.create(
            version=version, step=version.steps.get(key="mail"), **{state: True}
        )
        factories.StepRunFactory.create(enrollment=begun, status="failed", error="It failed.")
    factories.StepRunFactory.create(
        enrollment=enrollment,
        visit=enrollment.step_runs.count() + 1,
        outcome={"event": event.pk.hex},
    )
    theirs = make_sequence(sequence.workspace, MAIL)
    assert theirs.current_version is not None
    factories.EnrollmentFactory.create(
        version=theirs.current_version, subscriber=world[Subscriber], started_by=event,
        step=theirs.current_version.steps.first(),
    )  # fmt: skip
    new_version(sequence, {**MAIL, "id": "mail"}, {"type": "delay", "days": 1}, MAIL)
    run = backtests.request(sequence=sequence, days=9, requested_by="ada", now=timezone.now())
    backtests.cancel(run=run, now=timezone.now())
    factories.AudienceEnrollmentFactory.create(sequence=theirs, segment=world[Segment])
    factories.AudienceEnrollmentFactory.create(
        sequence=sequence, segment=factories.SegmentFactory.create(**own), status="completed"
    )


def grow_others(world: World, *, name: str) -> None:
    own = {"workspace": world[Workspace]}
    factories.MailActivityFactory.create(
        email=world[OutgoingEmail], kind="opened", quality="human", url_hash=name
    )
    factories.ImportRejectFactory.create(run=world[ImportRun])
    factories.ImportRunFactory.create(**own)
    factories.ApiKeyFactory.create(**own)
    factories.SuppressionFactory.create(**own)
    factories.MailFlowFactory.create(**own)
    factories.WorkerFactory.create()
    factories.SignInFactory.create()
    group = Group.objects.create(name=name)
    group.permissions.set(Permission.objects.all()[:3])
    user = User.objects.create(username=name)
    user.groups.add(group)
    for model in (Subscriber, Sequence, Event, OutgoingEmail, Workspace):
        row = world[model]
        LogEntry.objects.create(
            user=user, content_type=ContentType.objects.get_for_model(row), action_flag=CHANGE,
            object_id=str(row.pk), object_repr="it", change_message="Changed",
        )  # fmt: skip


def statements(client: Client, address: Address, world: World) -> list[str]:
    with CaptureQueriesContext(connection) as queries:
        answer = client.get(address.path, asked_of(world, address))
        if answer.streaming:
            b"".join(answer)
    return [
        VALUE.sub("?", each["sql"]) for each in queries if not each["sql"].startswith(OF_SESSION)
    ]


@pytest.mark.django_db
def test_no_page_takes_more_statements_for_more_rows(client: Client) -> None:
    world = make_world()
    grow(world)
    client.force_login(User.objects.get(username="ada"))
    walked = addresses(world)
    # What Django and the product look up once and keep is not of a page.
    before = {str(each): statements(client, each, world) for each in [*walked[:3], *walked]}
    grow(world)
    grow(world)

    found = {}
    for address in walked:
        few, many = before[str(address)], statements(client, address, world)
        if len(many) > len(few) and str(address) not in EXCEPTIONS:
            found[str(address)] = sorted(Counter(many) - Counter(few))

    assert found == {}
