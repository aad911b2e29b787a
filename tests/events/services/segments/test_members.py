"""The database finds the same members as plain Python does, whatever the conditions."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from events.language import segments
from events.language.segments.filters import OPERATORS
from events.services.segments import compiling, limits, members
from events.services.segments.limits import TookTooLong
from subscribers.models import Subscriber, Workspace
from tests import factories
from tests.support.segment_reference import Facts, belongs

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
EVENTS = ("order.placed", "signup", "app:opened")
TAGS = ("vip", "lead", "größe")
VALUES: list[Any] = [
    "pro", "Pro", "", "5", 5, 5.0, "5.0", " 5", 6, -1, 0, 0.1, "0.1", 1e5, 10**20, "1e5", True,
    False, "true", None, [], ["hiking", 5], ["Hiking"], {}, {"plan": "pro"}, {"0": "x"},
    [{"plan": "pro"}],
    "2026-11-20", "2026-11-20T10:00:00Z", "2026-02-31", "2026-11-203", "Ödön", "a%b_c'\"\\",
    "\u0665",
]  # fmt: skip
WANTED = (
    "pro", "PRO", "5", "5.00", "6", "0.1", "100000", "true", "false", "hiking", "ödön", "%",
    "a%b_c'\"\\", "2026-11-20", "\u0665", "x",
)  # fmt: skip
LIMITS = ("5", "-0.5", "0.1", "2026-11-20", "2026-11-21", "100000000000000000000")
NAMES = ("plan", "a.b", "a.0", "deep.plan", 'quo"te', "größe")
COLUMNS = (
    "status", "email", "email_key", "first_name", "last_name", "created_at", "attributes",
)  # fmt: skip
BY_WHOM = ("human", "machine", "unknown")
HOW = {
    "delivered": ("",), "opened": BY_WHOM, "clicked": BY_WHOM, "bounced": ("hard", "soft", ""),
    "complained": ("",), "deferred": ("",),
}  # fmt: skip
WINDOWS = ("24h", "30d", "all", "1h")


@pytest.fixture
def audience(workspace: Workspace) -> dict[UUID, Facts]:
    """Forty people with random facts, and a stranger of another workspace."""
    chance = random.Random(7)  # noqa: S311 - the same people each time
    tags = [factories.TagFactory.create(workspace=workspace, name=name) for name in TAGS]
    lists = [factories.ListFactory.create(workspace=workspace) for _ in range(2)]
    definitions = [
        factories.EventDefinitionFactory.create(workspace=workspace, name=name) for name in EVENTS
    ]
    factories.SubscriberFactory.create()
    found = {}
    for number in range(40):
        facts = Facts(
            status=chance.choice(Subscriber.Status.values),
            email=f"Pers.{number}@{chance.choice(('Gmail.com', 'bücher.example'))}",
            email_key="",
            first_name=chance.choice(("", "Ada", "ÉMILE", "Łukasz", "Ω_%")),
            last_name=chance.choice(("", "Novak", "Ødegård")),
            created_at=NOW
            - timedelta(days=chance.choice((0, 3, 7, 40)), hours=chance.choice((0, 1))),
            attributes=_attributes(chance),
        )
        domain = "gmail.com" if "Gmail" in facts.email else "xn--bcher-kva.example"
        facts.email_key = f"pers.{number}@{domain}"
        person = factories.SubscriberFactory.create(
            workspace=workspace,
            **{name: getattr(facts, name) for name in COLUMNS},
        )
        _links(chance, person, facts, tags, lists, definitions)
        found[person.pk] = facts
    return found


def _attributes(chance: random.Random) -> dict[str, Any]:
    found = {name: chance.choice(VALUES) for name in NAMES if chance.random() < 0.6}
    for nested in ("a", "deep"):
        if chance.random() < 0.6:
            found[nested] = {"plan": chance.choice(VALUES), "b": chance.choice(VALUES)}
        elif chance.random() < 0.3:
            found[nested] = ["x", "y"]
    return found


def _links(
    chance: random.Random, person: Subscriber, facts: Facts, tags: Any, lists: Any, definitions: Any
) -> None:
    for tag in tags:
        if chance.random() < 0.4:
            factories.SubscriberTagFactory.create(subscriber=person, tag=tag)
            facts.tags.add(tag.name)
    for each in lists:
        left = chance.choice((None, None, NOW))
        if chance.random() < 0.6:
            factories.ListMembershipFactory.create(
                subscriber=person, list=each, unsubscribed_at=left
            )
            facts.lists |= {f"lst_{each.pk.hex}"} if left is None else set()
    for definition in definitions:
        for _ in range(chance.choice((0, 0, 1, 2, 4))):
            at = NOW - timedelta(hours=chance.choice((0, 1, 24, 25, 700, 5000)))
            factories.EventFactory.create(
                subscriber=person, definition=definition, occurred_at=at, received_at=at
            )
            facts.events.setdefault(definition.name, []).append(at)
    for _ in range(chance.choice((0, 1, 3))):
        kind = chance.choice(("marketing", "transactional", "confirmation"))
        at = NOW - timedelta(hours=chance.choice((0, 24, 25, 700)))
        factories.OutgoingEmailFactory.create(subscriber=person, kind=kind, sent=True, sent_at=at)
        if kind != "confirmation":
            facts.mails.append((kind, at))
    for _ in range(chance.choice((0, 1, 3))):
        _mail_with_activity(chance, person, facts)
    factories.OutgoingEmailFactory.create(subscriber=person)


def _mail_with_activity(chance: random.Random, person: Subscriber, facts: Facts) -> None:
    kind = chance.choice(("marketing", "transactional", "confirmation"))
    # Not sent, so that it changes nothing of the other mails.
    mail = factories.OutgoingEmailFactory.create(subscriber=person, kind=kind)
    found = []
    for number in range(chance.choice((1, 4, 7))):
        at = NOW - timedelta(hours=chance.choice((0, 24, 25, 700)))
        what = chance.choice([*HOW])
        how = chance.choice(HOW[what])
        column = "bounce_type" if what == "bounced" else "quality"
        factories.MailActivityFactory.create(
            email=mail, kind=what, at=at, last_at=NOW, url_hash=str(number), **{column: how}
        )
        found.append((what, how, at))
    facts.activity.append((kind, found))


def _value(  # noqa: C901, PLR0911 - a field each
    chance: random.Random, field: str, operator: str, list_ids: list[str]
) -> str:
    if operator in {"is_empty", "is_not_empty"} and field != "attribute":
        return ""
    is_count = operator in {"at_least", "less_than_count"}
    times = f"{chance.choice((1, 2, 3))}:" if is_count else ""
    window = chance.choice(WINDOWS)
    match field:
        case "status":
            return chance.choice(Subscriber.Status.values)
        case "tag":
            return chance.choice((*TAGS, "nobody-has-it"))
        case "list":
            return chance.choice(list_ids)
        case "email":
            is_part = "contains" in operator
            return chance.choice(("PERS.1", "bücher", "_") if is_part else ("pers.7@GMAIL.com",))
        case "emailProvider":
            return chance.choice(("gmail.com", "bücher.example"))
        case "firstName" | "lastName":
            return chance.choice(("ada", "émile", "łuk", "ødeg", "_%", "N"))
        case "added":
            return chance.choice(("7 days", "3 days", "1 hour"))
        case "attribute" if operator in {"is_empty", "is_not_empty"}:
            return chance.choice((*NAMES, "a", "missing"))
        case "attribute":
            texts = LIMITS if operator in {"gt", "gte", "lt", "lte"} else WANTED
            return f"{chance.choice((*NAMES, 'a.plan'))}:{chance.choice(texts)}"
        case "event":
            return f"{chance.choice((*EVENTS, 'never'))}:{times}{window}"
        case _:
            kind = chance.choice(("", "marketing:", "transactional:"))
            return f"{times or kind}{window}"


def _random_group(chance: random.Random, list_ids: list[str], depth: int = 1) -> dict[str, Any]:
    children: list[dict[str, Any]] = []
    for _ in range(chance.choice((1, 2, 3))):
        if depth < 3 and chance.random() < 0.3:
            children.append(_random_group(chance, list_ids, depth + 1))
            continue
        field = chance.choice([each for each in OPERATORS if each != "segment"])
        operator = chance.choice([*OPERATORS[field]])
        value = _value(chance, field, operator, list_ids)
        children.append({"kind": "filter", "field": field, "operator": operator, "value": value})
    return {"kind": "group", "joinOperator": chance.choice(("and", "or")), "children": children}


def found_by_database(workspace: Workspace, root: segments.Group) -> set[UUID]:
    rows = compiling.people(workspace_id=workspace.pk, root=root, now=NOW)
    return set(rows.values_list("pk", flat=True))


def found_by_python(audience: dict[UUID, Facts], root: segments.Group) -> set[UUID]:
    return {pk for pk, facts in audience.items() if belongs(facts, root, roots={}, now=NOW)}


def test_every_operator_of_every_field_finds_the_same_people(
    workspace: Workspace, audience: dict[UUID, Facts]
) -> None:
    chance = random.Random(11)  # noqa: S311 - see above
    list_ids = [f"lst_{pk.hex}" for pk in workspace.lists.values_list("pk", flat=True)]
    sizes = set()

    for field in OPERATORS:
        for operator in OPERATORS[field] if field != "segment" else ():
            for _ in range(6):
                value = _value(chance, field, operator, list_ids)
                one = {"field": field, "operator": operator, "value": value}
                root = segments.parse_root({"children": [one]})
                found = found_by_database(workspace, root)
                assert found == found_by_python(audience, root), one
                sizes.add(len(found))

    assert len(sizes) > 20


@pytest.mark.parametrize("wanted", WANTED)
def test_attributes_of_every_type_compare_alike(workspace: Workspace, wanted: str) -> None:
    by_id: dict[UUID, Any] = {}
    for value in VALUES:
        row = factories.SubscriberFactory.create(workspace=workspace, attributes={"plan": value})
        by_id[row.pk] = value

    for operator in ("is", "contains"):
        one = {"field": "attribute", "operator": operator, "value": f"plan:{wanted}"}
        root = segments.parse_root({"children": [one]})
        expected = {
            pk for pk, value in by_id.items()
            if segments.meets({"plan": value}, "plan", operator, wanted)
        }  # fmt: skip
        assert found_by_database(workspace, root) == expected


def test_nested_groups_find_the_same_people(
    workspace: Workspace, audience: dict[UUID, Facts]
) -> None:
    chance = random.Random(13)  # noqa: S311 - see above
    list_ids = [f"lst_{pk.hex}" for pk in workspace.lists.values_list("pk", flat=True)]

    for _ in range(80):
        wire = _random_group(chance, list_ids)
        root = segments.parse_root(wire)
        assert found_by_database(workspace, root) == found_by_python(audience, root), wire


def test_windows_walk_through_all_members_once(
    workspace: Workspace, audience: dict[UUID, Facts]
) -> None:
    one = {"field": "tag", "operator": "contains", "value": "vip"}
    root = segments.parse_root({"children": [one]})

    walked = members.windows(workspace_id=workspace.pk, root=root, now=NOW, size=7)
    ids = [each for window in walked for each in window.ids]

    assert ids == sorted(found_by_python(audience, root))


def test_a_count_is_exact_up_to_its_limit(
    workspace: Workspace, audience: dict[UUID, Facts], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = {"field": "status", "operator": "is", "value": "active"}
    root = segments.parse_root({"children": [one]})
    active = len(found_by_python(audience, root))

    exact = members.preview(workspace_id=workspace.pk, root=root, now=NOW)
    words = str(exact.matching)
    monkeypatch.setattr(members, "MOST_COUNTED", active - 1)
    more = members.preview(workspace_id=workspace.pk, root=root, now=NOW)

    assert words == str(active)
    assert str(more.matching) == f"more than {active - 1}"
    assert exact.sample is not None
    assert len(exact.sample) == active


def test_what_takes_too_long_is_ended(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SECONDS", 0.05)
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT MAX(i) FROM n"

    with pytest.raises(TookTooLong), limits.time_limit():
        list(Subscriber.objects.raw(endless))

    assert not Subscriber.objects.exists()
