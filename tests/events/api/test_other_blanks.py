"""Names that differ by their blanks alone are one, whichever way they come in, and also where an
older release stored one with another blank.
"""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from django.core.management import call_command
from django.test import Client

from config.admin_base import list_url
from events.language.specs import as_wire, parse_sequence
from events.models import (
    Enrollment,
    Event,
    EventDefinition,
    FailedStage,
    Sequence,
    Step,
    StepRun,
    SyncRule,
)
from events.services import simulation
from events.services.configuration import sync_rules
from events.services.configuration.sync_rules import RuleSpec
from events.services.engine import loaded_versions
from events.services.ingestion import stage_retries
from subscribers.models import List, ListMembership, Subscriber, SubscriberTag, Tag, Workspace
from subscribers.services.workspaces import workspaces
from subscribers.wire import addresses
from tests import factories
from tests.support.calling import IMPORTS, SINGLE, Caller
from tests.support.sequence_making import NOON, make_sequence
from tests.support.time_travel import TimeTravel

BLANKS = ["\u00a0", "\u1680", "\u2003", "\u200a", "\u202f", "\u205f", "\u3000", "  ", " \u00a0 "]
ODD, PLAIN = "sign\u00a0up", "sign up"
PERSON = {"email": "a@example.com"}


@pytest.fixture(autouse=True)
def at_noon() -> Iterator[None]:
    with time_machine.travel(NOON, tick=False):
        yield


@pytest.mark.usefixtures("both_ways")
def test_events_are_one_by_every_call(caller: Caller) -> None:
    for number, blank in enumerate(BLANKS):
        name = f"{blank}sign{blank}up{blank}"
        row = {**PERSON, "name": name, "eventId": str(number)}
        assert caller.bulk({"name": name}).status == 200
        assert caller.post(SINGLE, {**PERSON, "event": name}).status == 200
        assert caller.post(IMPORTS, {"events": [row]}).status == 200

    assert EventDefinition.objects.get().name == PLAIN
    assert Event.objects.count() == 3 * len(BLANKS)


def test_events_of_a_file_are_one(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    at = "2026-11-01T00:00:00Z"
    rows = [
        {**PERSON, "name": f"sign{blank}up", "eventId": str(number), "occurredAt": at}
        for number, blank in enumerate([" ", *BLANKS])
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))

    call_command("import_events", str(path), workspace=workspace.slug)

    assert EventDefinition.objects.get().name == PLAIN


@pytest.mark.parametrize("blank", BLANKS)
def test_sequences_name_the_one(blank: str) -> None:
    name = f"sign{blank}up"
    raw = {
        "name": name,
        "trigger": "event_received",
        "eventName": name,
        "stopCondition": {"type": "event_received", "value": name},
        "steps": [
            {"type": "wait_for_event", "eventName": name},
            {"type": "condition", "rules": [{"type": "did_event", "eventName": name}]},
        ],
    }

    wire = json.dumps(as_wire(parse_sequence(raw)), ensure_ascii=False)

    assert wire.count(PLAIN) == 5
    assert wire.count("up") == 6  # the key's hyphen is the sixth


def test_rules_and_lists_of_the_admin_are_one(admin_client: Client, workspace: Workspace) -> None:
    for blank in BLANKS:
        name = f"sign{blank}up"
        rule = {"workspace": workspace.pk.hex, "trigger_event": name, "position": 0, "add": "vip"}
        admin_client.post(list_url(SyncRule) + "add/", rule)
        admin_client.post(list_url(List) + "add/", {"workspace": workspace.pk.hex, "name": name})

    assert {each.trigger_event for each in SyncRule.objects.all()} == {PLAIN}
    assert SyncRule.objects.count() == len(BLANKS)
    assert List.objects.get().name == PLAIN


def test_lists_of_a_file_are_one_also_with_a_stored_one(
    workspace: Workspace, tmp_path: Path
) -> None:
    stored = factories.ListFactory.create(workspace=workspace, name=ODD)
    path = tmp_path / "people.jsonl"
    rows = [
        {"email": f"a{number}@example.com", "lists": [f"sign{blank}up", f"new{blank}one"]}
        for number, blank in enumerate([" ", *BLANKS])
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))

    call_command("import_subscribers", str(path), workspace=workspace.slug, create_lists=True)

    assert {each.name for each in List.objects.all()} == {ODD, "new one"}
    assert ListMembership.objects.filter(list=stored).count() == len(rows)


def test_tags_are_one(caller: Caller) -> None:
    rules = [
        RuleSpec(trigger_event=f"e{number}", add=[f"very{blank}important"])
        for number, blank in enumerate(BLANKS)
    ]

    sync_rules.replace_all(workspace=caller.workspace, specs=rules)

    assert Tag.objects.get().name == "very-important"


# --- Stored by an older release -------------------------------------------------------------------


def make_odd(workspace: Workspace) -> None:
    """Store the plain name with another blank, as release 0.2.0 took it."""
    for row in Sequence.objects.all():
        row.trigger_config = odd(row.trigger_config)
        row.stop_condition = odd(row.stop_condition)
        row.save()
    for step in Step.objects.all():
        step.config = odd(step.config)
        step.save()
    SyncRule.objects.filter(trigger_event=PLAIN).update(trigger_event=ODD)
    EventDefinition.objects.filter(name=PLAIN).update(name=ODD)
    workspaces.configuration_changed(workspace_id=workspace.pk)
    loaded_versions.load.cache_clear()


def odd(stored: object) -> object:
    return json.loads(json.dumps(stored, ensure_ascii=False).replace(PLAIN, ODD))


@pytest.mark.usefixtures("both_ways")
@pytest.mark.parametrize("name", [ODD, PLAIN])
def test_stored_triggers_stops_waits_and_rules_match(caller: Caller, name: str) -> None:
    workspace = caller.workspace
    wait = {"type": "wait_for_event", "eventName": PLAIN, "timeout": {"days": 1}}
    started = make_sequence(workspace, wait, eventName=PLAIN)
    waiting = make_sequence(workspace, wait, eventName="other")
    stopping = {"type": "event_received", "value": PLAIN}
    stopped = make_sequence(
        workspace, {"type": "wait_for_event", "eventName": "x"}, eventName="other",
        stopCondition=stopping,
    )  # fmt: skip
    sync_rules.replace_all(workspace=workspace, specs=[RuleSpec(trigger_event=PLAIN, add=["in"])])
    make_odd(workspace)

    caller.bulk({"name": "other"})
    TimeTravel(NOON).run_for(timedelta(minutes=1))
    reply = caller.bulk({"name": name})
    TimeTravel(NOON).run_for(timedelta(minutes=1))

    assert reply.status == 200
    states = {each.sequence_id: each.status for each in Enrollment.objects.all()}
    assert states[started.pk] == "waiting"
    assert states[waiting.pk] == "completed"
    assert states[stopped.pk] == "stopped"
    assert SubscriberTag.objects.get().tag.name == "in"


def test_conditions_know_events_of_either_spelling(caller: Caller) -> None:
    workspace = caller.workspace
    rule = {"type": "did_event", "eventName": PLAIN, "since": "ever"}
    make_sequence(workspace, {"type": "condition", "rules": [rule], "onFalse": "exit"})
    make_odd(workspace)
    for number, name in enumerate([ODD, PLAIN]):
        person = factories.SubscriberFactory.create(
            workspace=workspace, email=f"{number}@example.com"
        )
        definition = factories.EventDefinitionFactory.create(workspace=workspace, name=name)
        factories.EventFactory.create(definition=definition, subscriber=person)
        caller.bulk({"name": "signup"}, email=person.email)

    TimeTravel(NOON).run_for(timedelta(minutes=1))

    outcomes = [run.outcome for run in StepRun.objects.all()]
    assert [outcome["isMet"] for outcome in outcomes if "isMet" in outcome] == [True, True]


def test_a_stored_event_is_retried_with_today_s_names(caller: Caller) -> None:
    workspace = caller.workspace
    sequence = make_sequence(workspace, eventName=PLAIN)
    sync_rules.replace_all(workspace=workspace, specs=[RuleSpec(trigger_event=PLAIN, add=["in"])])
    definition = factories.EventDefinitionFactory.create(workspace=workspace, name=ODD)
    event = factories.EventFactory.create(
        definition=definition, subscriber__workspace=workspace, received_at=NOON
    )

    for stage in (FailedStage.Stage.APPLY_SYNC_RULES, FailedStage.Stage.TRIGGER_SEQUENCES):
        stage_retries.redo(event=event, stage=stage, subscriber=event.subscriber, now=NOON)

    assert Enrollment.objects.get().sequence == sequence
    assert SubscriberTag.objects.get().tag.name == "in"


@pytest.mark.parametrize("name", [ODD, PLAIN, None])
def test_a_stored_sequence_is_simulated(workspace: Workspace, name: str | None) -> None:
    wait = {"type": "wait_for_event", "eventName": PLAIN}
    rule = {"type": "did_event", "eventName": PLAIN, "since": "ever"}
    sequence = make_sequence(
        workspace, wait, {"type": "condition", "rules": [rule]}, eventName=PLAIN
    )
    make_odd(workspace)
    sequence.refresh_from_db()

    done = simulation.simulate(
        sequence=sequence,
        address=addresses.parse("a@example.com"),
        now=NOON,
        happening=simulation.AssumedEvent(name=name, properties={}) if name else None,
    )

    assert done.entry.reason == ""
    assert done.path is not None
    assert done.path.visits[-1].outcome["isMet"] is True


def test_a_list_is_named_as_it_is_stored_or_plainly(workspace: Workspace) -> None:
    stored = factories.ListFactory.create(workspace=workspace, name=ODD)

    sequences = [
        make_sequence(workspace, trigger="contact_added", lists=[name]) for name in (ODD, PLAIN)
    ]

    configs = [each.trigger_config for each in sequences]
    assert configs[0] == configs[1]
    assert Subscriber.objects.count() == 0
    assert stored.name == ODD
