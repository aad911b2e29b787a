"""`import_sequences` and `export_sequences`: what they print, and what they refuse."""

import io
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from events.language import files
from events.models import Sequence
from subscribers.models import Workspace
from tests.factories import ListFactory, WorkspaceFactory

pytestmark = pytest.mark.django_db
WELCOME = """
- name: Welcome
  trigger: event_received
  eventName: signup
  enrollmentMode: one_time
  stopCondition: {type: event_received, value: cancelled}
  steps:
    - {type: email, subject: "Hi {{subscriber.firstName|friend}}", html: "{{event.plan.name}}"}
    - {type: delay, days: 2}
    - type: email
      subject: How is it going?
      text: |
        Hello,

          how is it going?
"""


@pytest.fixture
def workspace() -> Workspace:
    return WorkspaceFactory.create(slug="acme", from_email="us@example.com")


def run(*arguments: str) -> tuple[str, str]:
    """Return what a command printed, and what it warned of."""
    output, warnings = io.StringIO(), io.StringIO()
    call_command(*arguments, stdout=output, stderr=warnings)
    return output.getvalue(), warnings.getvalue()


def import_text(folder: Path, text: str, *options: str) -> tuple[str, str]:
    file = folder / "sequences.yaml"
    file.write_text(text, encoding="utf-8")
    return run("import_sequences", str(file), "--workspace", "acme", *options)


def test_the_file_of_the_issue_is_imported_once(workspace: Workspace, tmp_path: Path) -> None:
    first, warnings = import_text(tmp_path, WELCOME, "--activate")
    second, _ = import_text(tmp_path, WELCOME, "--activate")

    assert first == "welcome: created, activated\n"
    assert second == "welcome: unchanged\n"
    assert "No event signup was received yet" in warnings
    assert Sequence.objects.get().status == "active"


def test_a_dry_run_says_so(workspace: Workspace, tmp_path: Path) -> None:
    printed, _ = import_text(tmp_path, WELCOME, "--dry-run")

    assert printed == "welcome: created\nDry run: nothing was changed.\n"
    assert not Sequence.objects.exists()


def test_a_file_comes_from_the_standard_input(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = io.TextIOWrapper(io.BytesIO(WELCOME.encode()))
    monkeypatch.setattr(sys, "stdin", given)

    printed, _ = run("import_sequences", "-", "--workspace", "acme")

    assert printed == "welcome: created\n"


def test_every_fault_has_a_line(workspace: Workspace, tmp_path: Path) -> None:
    text = "- name: A\n  steps: [{type: fax}]\n- name: B\n  steps: [{type: email, subject: 2024}]\n"

    with pytest.raises(CommandError) as caught:
        import_text(tmp_path, text)

    first, *lines = str(caught.value).splitlines()
    assert first == "Nothing was imported:"
    assert [line.split()[0] for line in lines] == [
        "[0].steps[0].type", "[1].steps[0].subject", "[1].steps[0].html",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["import_sequences", "nowhere.yaml", "--workspace", "acme"], "No such file"),
        (["import_sequences", ".", "--workspace", "acme"], "Is a directory"),
        (["import_sequences", "-", "--workspace", "other"], "no workspace with the slug 'other'"),
        (["export_sequences", "--workspace", "other"], "no workspace with the slug 'other'"),
        (["export_sequences", "--workspace", "acme", "--key", "x"], "with the key x."),
    ],
)
def test_what_is_not_there_is_said(workspace: Workspace, arguments: list[str], words: str) -> None:
    with pytest.raises(CommandError, match=words):
        run(*arguments)


def test_what_yaml_does_not_allow_is_said_with_its_line(
    workspace: Workspace, tmp_path: Path
) -> None:
    with pytest.raises(CommandError, match="Line 2, column 10: anchors and aliases"):
        import_text(tmp_path, "- name: A\n  steps: &s []\n")


def test_what_is_exported_is_imported_unchanged(workspace: Workspace, tmp_path: Path) -> None:
    import_text(tmp_path, WELCOME, "--activate")
    other = WorkspaceFactory.create(slug="other")

    printed, _ = run("export_sequences", "--workspace", "acme", "--key", "welcome")
    again, _ = import_text(tmp_path, printed)
    file = str(tmp_path / "sequences.yaml")
    elsewhere, _ = run("import_sequences", file, "--workspace", other.slug)

    assert "text: |\n" in printed
    assert again == "welcome: unchanged\n"
    assert elsewhere == "welcome: created\n"


def test_lists_are_exported_by_their_names(workspace: Workspace, tmp_path: Path) -> None:
    ListFactory.create(workspace=workspace, name="News & offers: all")
    text = "- name: A\n  lists: ['News & offers: all']\n  steps: [{type: exit}]\n"
    import_text(tmp_path, text)

    printed, _ = run("export_sequences", "--workspace", "acme")

    assert files.load(printed.encode())[0]["lists"] == ["News & offers: all"]
    assert import_text(tmp_path, printed)[0] == "a: unchanged\n"


def test_an_export_that_is_too_large_to_import_says_so(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_text(tmp_path, WELCOME)
    monkeypatch.setattr(files, "MOST_BYTES", 100)

    _, warnings = run("export_sequences", "--workspace", "acme")

    assert "use --key" in warnings
