"""What leaves a workspace comes into an empty one as it was: people and events, by the commands."""

import csv
import json
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from events.models import Event, EventDefinition
from subscribers.models import (
    ConsentRecord,
    List,
    ListMembership,
    Subscriber,
    SubscriberTag,
    Tag,
    Workspace,
)
from subscribers.wire import addresses, json_gate, names
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)
Status = Subscriber.Status
# As far back as events may go, and a year.
EARLIEST = timezone.now() - timedelta(days=4 * 365)

# What spreadsheets, quoting and encodings stumble over.
NASTY = (
    "=1+1", "+49", "-5", "@me", "'", "'=", '"', 'a"b', "a,b;c", "ü", "日本", "👩\u200d🚀", "\\",
    "[x]", "{}",
)  # fmt: skip
signs = st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"])
words = st.one_of(st.sampled_from(NASTY), st.text(signs, max_size=12)).map(str.strip).filter(bool)
locals_ = st.sampled_from(
    ["=cmd|x", "+plus", "-minus", "o'neill", "{a}", "a", "B", "first.last", "x+tag", "'q'"]
)
domains = st.sampled_from(["example.com", "Example.org", "bücher.example", "x.io"])
numbers = st.one_of(
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([1e16, -1e300, 1e-7, 0.1, 2**63, 10**22]),
)
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
values = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, texts),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(words, inner, max_size=3)),
    max_leaves=6,
)
objects = st.dictionaries(words, values, max_size=3)
moments = st.timedeltas(timedelta(0), timedelta(days=3 * 365)).map(lambda since: EARLIEST + since)


@st.composite
def people(draw: st.DrawFn) -> dict[str, Any]:
    """Draw one person with tags, lists and events."""
    created_at = draw(moments)
    status = draw(st.sampled_from(Status.values))
    has_left = status == Status.UNSUBSCRIBED
    event = st.fixed_dictionaries(
        {
            "name": words.map(names.plain).filter(lambda name: not names.find_unseen(name)),
            "event_id": st.none() | words,
            "occurred_at": st.timedeltas(timedelta(0), timedelta(days=300)).map(
                lambda later: created_at + later
            ),
            "properties": objects,
        }
    )
    return {
        "address": f"{draw(locals_)}@{draw(domains)}",
        "external_id": draw(st.none() | words),
        "first_name": draw(st.just("") | words),
        "last_name": draw(st.just("") | words),
        "status": status,
        # At the top of the attributes, null means that the key is to go.
        "attributes": {key: each for key, each in draw(objects).items() if each is not None},
        "timezone": draw(st.sampled_from(["", "Europe/Berlin"])),
        "created_at": created_at,
        "unsubscribed_at": created_at + timedelta(days=1) if has_left else None,
        "tags": draw(st.sets(st.sampled_from(["vip", "trial", "ünï-1"]))),
        "lists": draw(st.sets(st.sampled_from(["News", "a;b", "=Offers", "[draft]", '"x"']))),
        "events": draw(
            st.lists(event, max_size=4, unique_by=lambda e: (e["name"], e["event_id"] or object()))
        ),
    }


drawn_people = st.lists(people(), min_size=1, max_size=4)


def make_workspace(drawn: list[dict[str, Any]]) -> Workspace:
    """Store what was drawn; of several with one address or external id, the first."""
    workspace: Workspace = factories.WorkspaceFactory.create()
    taken: set[str | None] = set()
    for each in drawn:
        address = addresses.parse(each["address"])
        identities = {address.key} | ({each["external_id"]} - {None})
        if identities & taken:
            continue
        taken |= identities
        own = {key: each[key] for key in each if key not in {"address", "tags", "lists", "events"}}
        person = factories.SubscriberFactory.create(
            workspace=workspace, email=address.text, email_key=address.key, **own
        )
        for name in each["tags"]:
            tag, _ = Tag.objects.get_or_create(workspace=workspace, name=name)
            factories.SubscriberTagFactory.create(subscriber=person, tag=tag)
        for name in each["lists"]:
            joined, _ = List.objects.get_or_create(workspace=workspace, name=name)
            factories.ListMembershipFactory.create(subscriber=person, list=joined)
        for event in each["events"]:
            _store_event(person, **event)
    return workspace


def _store_event(person: Subscriber, *, name: str, **columns: Any) -> None:
    definition, _ = EventDefinition.objects.get_or_create(workspace=person.workspace, name=name)
    factories.EventFactory.create(subscriber=person, definition=definition, **columns)


def people_of(workspace: Workspace) -> dict[str, Any]:
    """Return everything about everybody but ids and when rows were touched."""
    tags = SubscriberTag.objects.filter(workspace=workspace)
    lists = ListMembership.objects.filter(workspace=workspace, unsubscribed_at=None)
    bearing = set(tags.values_list("subscriber__email_key", "tag__name"))
    joined = set(lists.values_list("subscriber__email_key", "list__name"))
    columns = (
        "email_key", "email", "external_id", "first_name", "last_name", "status", "attributes",
        "timezone", "created_at", "unsubscribed_at",
    )  # fmt: skip
    rows = Subscriber.objects.filter(workspace=workspace).order_by("email_key").values(*columns)
    return {"people": list(rows), "tags": bearing, "lists": joined}


def events_of(workspace: Workspace) -> list[str]:
    """Return all events as sorted texts, without ids and times of receipt."""
    rows = Event.objects.filter(workspace=workspace).values(
        "subscriber__email_key", "definition__name", "event_id", "occurred_at", "properties"
    )
    return sorted(json.dumps(row, sort_keys=True, default=str) for row in rows)


def run(*arguments: str) -> str:
    """Run a command that must do all of its work, and return what it printed."""
    output, complaints = StringIO(), StringIO()
    try:
        call_command(*arguments, stdout=output, stderr=complaints)
    except SystemExit as end:
        pytest.fail(
            f"{arguments} ended with {end.code}:\n{output.getvalue()}{complaints.getvalue()}"
        )
    return output.getvalue()


def result_of(printed: str) -> dict[str, Any]:
    """Return the object on the last line."""
    result: dict[str, Any] = json_gate.decode(printed.strip().splitlines()[-1].encode())
    return result


Move = Callable[[Workspace, Workspace], None]


@pytest.fixture(params=["csv", "jsonl", "csv.gz", "jsonl.gz"])
def move(request: pytest.FixtureRequest, tmp_path: Path) -> Move:
    """Return what takes all that is in one workspace into another one, through files."""
    people_file = str(tmp_path / f"people.{request.param}")
    events_file = str(tmp_path / f"events.{request.param}")

    def through_files(source: Workspace, target: Workspace) -> None:
        run("export_subscribers", people_file, "--workspace", source.slug)
        run("export_events", events_file, "--workspace", source.slug)
        into = ("--workspace", target.slug, "--json")
        came = result_of(run("import_subscribers", people_file, *into, "--create-lists"))
        happened = result_of(run("import_events", events_file, *into))
        assert came["recorded"] == came["rows"] == source.subscribers.count(), came
        assert happened["recorded"] == happened["rows"], happened

    return through_files


# Each example runs four commands: shrinking one takes minutes, and reading one does not.
@settings(
    max_examples=12,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(drawn=drawn_people)
def test_an_empty_workspace_gets_equal_rows(move: Move, drawn: list[dict[str, Any]]) -> None:
    source, target = make_workspace(drawn), factories.WorkspaceFactory.create()

    move(source, target)

    assert people_of(target) == people_of(source)
    assert events_of(target) == events_of(source)


def test_what_went_round_once_leaves_as_the_same_file(tmp_path: Path) -> None:
    person = factories.SubscriberFactory.create(email="=cmd|x@b.io", created_at=EARLIEST)
    properties = {"n": 1e16, "deep": {"null": None, "list": [1, 1.5, "\u2028", '"']}}
    factories.EventFactory.create(
        subscriber=person, event_id="'=1", occurred_at=EARLIEST, properties=properties
    )
    target = factories.WorkspaceFactory.create()
    source_file, target_file = str(tmp_path / "source.csv"), str(tmp_path / "target.csv")

    run("export_events", source_file, "--workspace", person.workspace.slug)
    run("import_events", source_file, "--workspace", target.slug)
    run("export_events", target_file, "--workspace", target.slug)

    before, after = (_without_own_columns(name) for name in (source_file, target_file))
    assert before == after
    assert before[1][:4] == ["'=cmd|x@b.io", "", person.events.get().definition.name, "''=1"]


def test_who_agreed_has_agreed_in_a_workspace_that_asks_too(tmp_path: Path) -> None:
    source, target = (factories.WorkspaceFactory.create(double_opt_in=True) for _ in range(2))
    ada = factories.SubscriberFactory.create(workspace=source, created_at=EARLIEST)
    factories.SubscriberFactory.create(workspace=source, status=Status.PENDING, created_at=EARLIEST)
    factories.ConsentRecordFactory.create(
        subscriber=ada,
        kind=ConsentRecord.Kind.CONFIRMED,
        method="button",
        at=EARLIEST + timedelta(days=1),
        ip="192.0.2.1",
        user_agent="=Mozilla",
    )
    file = str(tmp_path / "people.csv")

    run("export_subscribers", file, "--workspace", source.slug)
    run("import_subscribers", file, "--workspace", target.slug)

    line = ConsentRecord.objects.get(workspace=target, kind=ConsentRecord.Kind.CONFIRMED)
    assert people_of(target) == people_of(source)
    assert str(line.subscriber) == ada.email
    assert (line.ip, line.user_agent) == ("192.0.2.1", "=Mozilla")


def _without_own_columns(name: str) -> list[list[str]]:
    """Return the file's rows without ids and times of receipt."""
    with Path(name).open(encoding="utf-8", newline="") as file:
        return [[*row[1:6], row[7]] for row in csv.reader(file)]
