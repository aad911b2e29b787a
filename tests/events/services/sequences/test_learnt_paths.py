"""Paths are learnt from the newest events, and hostile ones cost no more than others."""

from datetime import timedelta

import pytest

from events.language.paths import paths_in, values_at
from events.models import EventDefinition
from events.services.sequences import learnt_paths
from tests import factories
from tests.factories.history import NOON


@pytest.fixture
def definition(db: None) -> EventDefinition:
    return factories.EventDefinitionFactory.create()


def make(definition: EventDefinition, properties: dict[str, object], minutes: int = 0) -> None:
    factories.EventFactory.create(
        subscriber__workspace=definition.workspace,
        definition=definition,
        properties=properties,
        occurred_at=NOON + timedelta(minutes=minutes),
    )


def test_every_path_reaches_its_value() -> None:
    document = {
        "a": 1,
        "b": {"c": [{"d": "x"}, {"d": "y"}], "e": {}},
        "f.g": 1,
        "h": {"[i]": 1, " ": 2},
        "j": [[1]],
    }

    found = list(paths_in(document))

    assert [path for path, _ in found] == ["a", "b.c", "b.c[].d", "b.c[].d", "b.e", "j", "j[]"]
    assert all(value in values_at(path, document) for path, value in found)


def test_the_frequent_come_first_and_the_newest_value_is_the_example(
    definition: EventDefinition,
) -> None:
    make(definition, {"rare": 1, "plan": "free"})
    make(definition, {"plan": "p" * 100}, minutes=1)

    learnt = learnt_paths.paths_of(definition=definition)

    assert learnt.sampled == 2
    assert [(each.path, each.events) for each in learnt.paths] == [("plan", 2), ("rare", 1)]
    assert learnt.paths[0].example == "p" * 59 + "…"


def test_ids_as_keys_and_large_events_are_bounded(
    definition: EventDefinition, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learnt_paths, "MOST_PATHS", 5)
    monkeypatch.setattr(learnt_paths, "MOST_VISITED", 50)
    for number in range(10):
        make(definition, {f"id-{number}-{key}": 1 for key in range(20)})

    learnt = learnt_paths.paths_of(definition=definition)

    assert len(learnt.paths) == 5
    assert learnt.sampled == 3
