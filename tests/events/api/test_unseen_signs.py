"""An event whose name has a sign that cannot be seen fails, whichever way it comes in."""

import io
import json
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.test import Client

from config.admin_base import admin_url, list_url
from events.intake.payloads import parse_event
from events.language.specs import parse_sequence
from events.models import Enrollment, Event, EventDefinition, Step, SyncRule
from events.services.engine import loaded_versions
from events.services.ingestion.request import current_limits
from subscribers.models import List, Workspace
from subscribers.services.workspaces import workspaces
from subscribers.wire.payloads import InvalidRequest
from tests import factories
from tests.support.calling import IMPORTS, SINGLE, Caller
from tests.support.sequence_making import NOON, make_sequence
from tests.support.time_travel import TimeTravel

NAMES = ["signup\u200b", "sign\u202eup", "\ufeffsignup", "sign\u00adup", "signup\u2069"]
WHY = "holds a sign that cannot be seen (U+"


@pytest.mark.usefixtures("both_ways")
@pytest.mark.parametrize("name", NAMES)
def test_the_event_fails_alone(caller: Caller, name: str) -> None:
    for _ in range(2):
        reply = caller.bulk({"name": "signup"}, {"name": name})
        assert reply.status == 207
        assert WHY in reply.json["events"][1]["error"]["message"]
    person = {"email": "a@example.com"}
    single = caller.post(SINGLE, {**person, "event": name})
    several = caller.post(IMPORTS, {"events": [{**person, "name": name, "eventId": "1"}]})

    assert single.status == several.status == 400
    assert EventDefinition.objects.get().name == "signup"


@pytest.mark.usefixtures("both_ways")
def test_a_name_with_a_joiner_that_its_script_needs_is_recorded(caller: Caller) -> None:
    for name in ("\u0645\u06cc\u200c\u062e", "❤\ufe0f\u200d🔥"):
        assert caller.bulk({"name": name}).status == 200
    assert Event.objects.count() == 2


def test_a_row_of_a_file_is_rejected(workspace: Workspace, tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    row = {"email": "a@example.com", "eventId": "1", "occurredAt": "2026-11-01T00:00:00Z"}
    path.write_text(json.dumps({**row, "name": NAMES[0]}) + "\n")
    out = io.StringIO()

    with pytest.raises((CommandError, SystemExit)):
        call_command("import_events", str(path), workspace=workspace.slug, stdout=out, stderr=out)

    assert not EventDefinition.objects.exists()


@pytest.mark.parametrize(
    "wire",
    [
        {"name": NAMES[0]},
        {"eventName": NAMES[1]},
        {"steps": [{"type": "wait_for_event", "eventName": NAMES[0]}]},
        {"stopCondition": {"type": "event_received", "value": NAMES[0]}},
    ],
)
def test_a_sequence_that_names_it_is_refused(wire: dict[str, object]) -> None:
    raw = {"name": "Welcome", "trigger": "event_received", "eventName": "signup", "steps": []}

    with pytest.raises(InvalidRequest, match="cannot be seen"):
        parse_sequence({**raw, **wire})


def test_the_forms_refuse_it(admin_client: Client, workspace: Workspace) -> None:
    rule = {"workspace": workspace.pk.hex, "trigger_event": NAMES[0], "position": 0, "add": "vip"}
    refused_rule = admin_client.post(list_url(SyncRule) + "add/", rule)
    refused_list = admin_client.post(
        list_url(List) + "add/", {"workspace": workspace.pk.hex, "name": NAMES[1]}
    )

    for answer in (refused_rule, refused_list):
        assert answer.status_code == 200
        assert "cannot be seen" in answer.content.decode()
    assert not SyncRule.objects.exists()
    assert not List.objects.exists()
    with pytest.raises(CommandError, match="cannot be seen"):
        call_command("create_workspace", "Other", "--default-list", NAMES[0])


def test_what_is_stored_stays_readable(admin_client: Client, caller: Caller) -> None:
    definition = factories.EventDefinitionFactory.create(workspace=caller.workspace, name=NAMES[0])
    event = factories.EventFactory.create(
        definition=definition, subscriber__workspace=caller.workspace
    )
    chosen = factories.ListFactory.create(workspace=caller.workspace, name=NAMES[1])

    for address in (*map(admin_url, (definition, event, chosen)), list_url(EventDefinition)):
        assert admin_client.get(address).status_code == 200


@pytest.mark.usefixtures("both_ways")
def test_a_sequence_that_names_it_and_is_stored_stops_nothing(caller: Caller) -> None:
    rule = {"type": "did_not_event", "eventName": "odd"}
    make_sequence(
        caller.workspace,
        {"type": "condition", "rules": [rule]},
        {"type": "wait_for_event", "eventName": "odd"},
    )
    for step in Step.objects.all():
        step.config = json.loads(json.dumps(step.config).replace("odd", "odd\\u200b"))
        step.save()
    workspaces.configuration_changed(workspace_id=caller.workspace.pk)
    loaded_versions.load.cache_clear()

    with time_machine.travel(NOON, tick=False):
        reply = caller.bulk({"name": "signup"})
    TimeTravel(NOON).run_for(timedelta(minutes=1))

    assert (reply.status, Enrollment.objects.get().status) == (200, "waiting")


def test_the_limits_of_a_long_name_stay(db: None) -> None:
    rejected = parse_event({"name": "é" * 201}, limits=current_limits(), now=None)  # type: ignore[arg-type] # not reached

    assert "201 characters" in str(rejected)
