"""Sequences from files: matched by key, all or nothing, twice the same."""

from datetime import timedelta
from typing import Any

import pytest

from events.language import files as language_files
from events.models import Sequence, SequenceVersion
from events.services.sequences import files, sequences
from events.services.sequences.files import FileChange, Imported, UnknownKeys
from subscribers.models import Tag, Workspace
from subscribers.wire.payloads import InvalidRequest
from tests.factories import EnrollmentFactory, ListFactory, WorkspaceFactory
from tests.support.sequence_making import MAIL, NOON, make_sequence

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(hours=1)
WELCOME = {
    "name": "Welcome",
    "trigger": "event_received",
    "eventName": "signup",
    "enrollmentMode": "one_time",
    "stopCondition": {"type": "event_received", "value": "cancelled"},
    "fromEmail": "news@example.com",
    "steps": [MAIL, {"type": "delay", "days": 2}, {**MAIL, "text": "How is it going?"}],
}
FAREWELL = {"name": "Farewell", "trigger": "manual", "steps": [{"type": "exit"}]}


def import_all(workspace: Workspace, *elements: object, **options: Any) -> list[Imported]:
    return files.import_sequences(
        workspace=workspace,
        elements=elements,
        **{"is_activating": False, "now": LATER, **options},
    )


def changes(imported: list[Imported]) -> list[tuple[str, FileChange]]:
    return [(each.key, each.change) for each in imported]


def faults_of(workspace: Workspace, *elements: object, **options: Any) -> dict[str, str]:
    with pytest.raises(InvalidRequest) as caught:
        import_all(workspace, *elements, **options)
    return {fault.path: fault.message for fault in caught.value.faults}


def test_a_file_makes_drafts() -> None:
    workspace = WorkspaceFactory.create()

    imported = import_all(workspace, WELCOME, FAREWELL)

    assert changes(imported) == [("welcome", FileChange.CREATED), ("farewell", FileChange.CREATED)]
    assert set(Sequence.objects.values_list("key", "status")) == {
        ("welcome", "draft"),
        ("farewell", "draft"),
    }


def test_importing_twice_changes_nothing() -> None:
    workspace = WorkspaceFactory.create()
    import_all(workspace, WELCOME, FAREWELL, is_activating=True)
    rows = list(Sequence.objects.order_by("pk").values())
    workspace.refresh_from_db()
    version = workspace.config_version

    imported = import_all(workspace, WELCOME, FAREWELL, now=LATER + timedelta(days=1))

    assert {each.change for each in imported} == {FileChange.UNCHANGED}
    assert list(Sequence.objects.order_by("pk").values()) == rows
    assert SequenceVersion.objects.count() == 2
    workspace.refresh_from_db()
    assert workspace.config_version == version


def test_nested_branches_are_exported_as_one_list_that_is_unchanged() -> None:
    workspace = WorkspaceFactory.create()
    rules = [{"type": "tag", "tag": "vip"}]
    ways = [{"weight": 1, "steps": [MAIL]}, {"weight": 2, "steps": []}]
    inner = [{"type": "split", "branches": ways}, {"type": "delay", "days": 1}]
    condition = {"type": "condition", "rules": rules, "then": inner, "else": [MAIL]}
    nested = {**WELCOME, "steps": [condition, {**MAIL, "next": "exit"}, MAIL]}

    import_all(workspace, nested)
    again = import_all(workspace, nested)
    flat = language_files.load(language_files.dump(files.exported(workspace=workspace)).encode())
    from_export = import_all(workspace, *flat)

    assert {each.change for each in (*again, *from_export)} == {FileChange.UNCHANGED}
    assert "No way leads to the step email-3." in again[0].warnings
    assert not any({"then", "else"} & step.keys() for step in flat[0]["steps"])


def test_what_differs_is_changed_and_steps_make_a_version() -> None:
    workspace = WorkspaceFactory.create()
    import_all(workspace, WELCOME, FAREWELL, is_activating=True)

    imported = import_all(
        workspace,
        {**WELCOME, "steps": [MAIL]},
        {**FAREWELL, "name": "Good-bye", "key": "farewell"},
    )

    assert changes(imported) == [
        ("welcome", FileChange.NEW_VERSION),
        ("farewell", FileChange.CHANGED),
    ]
    assert Sequence.objects.get(key="farewell").name == "Good-bye"


def test_what_is_not_in_the_file_stays() -> None:
    workspace = WorkspaceFactory.create()
    make_sequence(workspace, key="other")

    import_all(workspace, WELCOME)

    assert Sequence.objects.get(key="other").status == "active"


def test_a_file_switches_on_what_is_not() -> None:
    workspace = WorkspaceFactory.create()
    import_all(workspace, FAREWELL, is_activating=True)

    imported = import_all(workspace, WELCOME, FAREWELL, is_activating=True)

    assert [each.is_switched_on for each in imported] == [True, False]
    assert set(Sequence.objects.values_list("status", flat=True)) == {"active"}


def test_enrollments_that_were_held_are_counted_when_they_go_on() -> None:
    workspace = WorkspaceFactory.create()
    import_all(workspace, WELCOME, is_activating=True)
    sequence = Sequence.objects.get()
    sequences.pause(sequence=sequence, now=NOON)
    version = sequence.current_version
    assert version is not None
    EnrollmentFactory.create(
        version=version, step=version.steps.first(), status="paused", due_at=None,
        reason="sequence_paused", status_before_pause="active",
    )  # fmt: skip

    (imported,) = import_all(workspace, WELCOME, is_activating=True)

    assert imported.resumed == 1


def test_every_fault_of_a_file_is_reported_and_nothing_is_changed() -> None:
    workspace = WorkspaceFactory.create()

    faults = faults_of(
        workspace, WELCOME, "text", {**FAREWELL, "steps": [{**MAIL, "subject": 2024}]}, {}
    )

    assert set(faults) == {"[1]", "[2].steps[0].subject", "[3].name"}
    assert not Sequence.objects.exists()


def test_a_fault_that_the_database_knows_undoes_the_others() -> None:
    workspace = WorkspaceFactory.create()
    lost = {"name": "Lost", "lists": ["Nowhere"], "steps": [{"type": "exit"}]}
    tagged = {"name": "T", "trigger": "tag_added", "tagName": "x", "steps": [{"type": "exit"}]}

    faults = faults_of(workspace, tagged, lost)

    assert list(faults) == ["[1].lists"]
    assert not Sequence.objects.exists()
    assert not Tag.objects.exists()


def test_a_sequence_that_is_not_ready_stops_the_file() -> None:
    workspace = WorkspaceFactory.create()

    faults = faults_of(workspace, FAREWELL, {**WELCOME, "fromEmail": None}, is_activating=True)

    assert list(faults) == ["[1]"]
    assert "from address" in faults["[1]"]
    assert not Sequence.objects.exists()


def test_a_key_comes_once_in_a_file() -> None:
    faults = faults_of(WorkspaceFactory.create(), WELCOME, {**FAREWELL, "key": "welcome"})

    assert faults == {"[1].key": "is the key of [0] too: welcome."}


def test_a_dry_run_reports_and_changes_nothing() -> None:
    workspace = WorkspaceFactory.create()

    imported = import_all(workspace, WELCOME, is_activating=True, is_dry_run=True)

    assert changes(imported) == [("welcome", FileChange.CREATED)]
    assert imported[0].is_switched_on
    assert not Sequence.objects.exists()


def test_another_workspaces_sequence_is_another() -> None:
    workspace, other = WorkspaceFactory.create(), WorkspaceFactory.create()
    import_all(other, WELCOME)

    imported = import_all(workspace, WELCOME)

    assert changes(imported) == [("welcome", FileChange.CREATED)]


def test_what_keeps_a_sequence_off_warns_on_import() -> None:
    (imported,) = import_all(WorkspaceFactory.create(), {**WELCOME, "fromEmail": None})

    assert any("from address" in each for each in imported.warnings)


def test_what_is_exported_is_imported_by_another_workspace_unchanged() -> None:
    workspace, other = WorkspaceFactory.create(), WorkspaceFactory.create()
    for each in (workspace, other):
        ListFactory.create(workspace=each, name="News")
    joined = {
        "name": "Joined", "lists": ["News"],
        "steps": [
            {"type": "condition", "rules": [{"type": "no_list", "list": "News"}], "onFalse": "m"},
            {**MAIL, "id": "m", "delayMs": 5000},
        ],
    }  # fmt: skip
    import_all(workspace, WELCOME, FAREWELL, joined)
    elements = files.exported(workspace=workspace)

    import_all(other, *elements)

    assert files.exported(workspace=other) == elements
    assert [each["key"] for each in elements] == ["farewell", "joined", "welcome"]
    assert elements[1]["lists"] == ["News"]


def test_archived_sequences_are_exported_only_by_their_key() -> None:
    workspace = WorkspaceFactory.create()
    import_all(workspace, FAREWELL, WELCOME)
    sequences.archive(sequence=Sequence.objects.get(key="farewell"), now=NOON)

    every = files.exported(workspace=workspace)
    chosen = files.exported(workspace=workspace, keys=["farewell"])

    assert [each["key"] for each in every] == ["welcome"]
    assert [each["key"] for each in chosen] == ["farewell"]


def test_a_key_that_is_not_there_is_reported() -> None:
    workspace = WorkspaceFactory.create()
    make_sequence(WorkspaceFactory.create(), key="foreign")

    with pytest.raises(UnknownKeys, match="foreign, nowhere"):
        files.exported(workspace=workspace, keys=["nowhere", "foreign"])
