"""Tests of `import_subscribers`: from a file to people, and what it prints."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from subscribers.models import ConsentRecord, ImportRun, Subscriber, Workspace
from tests import factories

pytestmark = pytest.mark.django_db

HEADER = "email,externalId,firstName,tags,lists,status,consentAt,attributes.plan"


@pytest.fixture
def workspace() -> Workspace:
    workspace = factories.WorkspaceFactory.create(slug="acme")
    factories.ListFactory.create(workspace=workspace, name="News")
    return workspace


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")
    return path


def import_file(path: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    """Run the command; return its exit code and result."""
    out = io.StringIO()
    try:
        call_command(
            "import_subscribers",
            str(path),
            "--workspace=acme",
            "--json",
            *arguments,
            stdout=out,
            stderr=io.StringIO(),
        )
    except SystemExit as ended:
        code = int(ended.code or 0)
    except CommandError as error:
        code = error.returncode
    else:
        code = 0
    lines = out.getvalue().splitlines()
    return code, json.loads(lines[-1]) if lines else {}


@pytest.mark.usefixtures("workspace")
def test_a_file_becomes_people(tmp_path: Path) -> None:
    path = write(
        tmp_path / "people.csv",
        HEADER,
        "ada@example.com,user_1,Ada,VIP;beta,News,active,2025-03-01T09:30:00Z,pro",
        "bo@example.com,,'=Bo,,[],unsubscribed,,7",
        "cy@example.com,,,,,bounced,,",
    )

    code, said = import_file(path)

    ada, bo, cy = Subscriber.objects.order_by("email")
    assert code == 0
    assert (said["rows"], said["recorded"], said["subscribersCreated"]) == (3, 3, 3)
    assert [each.status for each in (ada, bo, cy)] == ["active", "unsubscribed", "bounced"]
    assert sorted(ada.tag_links.values_list("tag__name", flat=True)) == ["beta", "vip"]
    assert (ada.attributes, bo.attributes) == ({"plan": "pro"}, {"plan": "7"})
    assert bo.first_name == "=Bo"


@pytest.mark.usefixtures("workspace")
def test_jsonl_is_read_too(tmp_path: Path) -> None:
    path = write(
        tmp_path / "people.jsonl",
        json.dumps({"email": "ada@example.com", "tags": ["vip"], "lists": []}),
        json.dumps({"mail": "bo@example.com", "customAttributes": {"seats": 7}}),
    )

    code, said = import_file(path, "--map=mail=email")

    assert (code, said["recorded"]) == (0, 2)
    assert Subscriber.objects.get(email="bo@example.com").attributes == {"seats": 7}


@pytest.mark.usefixtures("workspace")
def test_bad_rows_are_reported_kept_and_can_be_corrected(tmp_path: Path) -> None:
    path = write(
        tmp_path / "people.csv",
        HEADER,
        "ada@example.com,,,,,,,",
        "nobody,,Bo,vip,,,,",
        "cy@example.com,,,,Sports,,,",
        "di@example.com,,,,,gone,,",
        ",,Ed,,,,,",
    )
    rejects = tmp_path / "rejects.csv"

    code, said = import_file(path, f"--rejects={rejects}")
    mended = rejects.read_text(encoding="utf-8").replace("nobody", "bo@example.com")
    path_of_mended = write(tmp_path / "mended.csv", *mended.splitlines())
    again_code, again = import_file(path_of_mended, "--create-lists")

    assert (code, said["recorded"], said["rejected"]) == (3, 1, 4)
    assert sum(said["reasons"].values()) == 4
    assert "email is needed: give email, externalId or both." in said["reasons"]
    assert (again_code, again["recorded"], again["rejected"]) == (3, 2, 2)
    emails = Subscriber.objects.order_by("email").values_list("email", flat=True)
    assert list(emails) == ["ada@example.com", "bo@example.com", "cy@example.com"]


@pytest.mark.usefixtures("workspace")
def test_the_same_file_again_is_all_duplicates(tmp_path: Path) -> None:
    path = write(tmp_path / "people.csv", HEADER, *(f"p{n}@x.io,,,,,,," for n in range(7)))

    import_file(path)
    code, said = import_file(path)

    assert (code, said["rows"], said["duplicates"], said["recorded"]) == (0, 7, 7, 0)
    assert Subscriber.objects.count() == 7


@pytest.mark.usefixtures("workspace")
def test_it_goes_on_where_it_was_broken_off(tmp_path: Path) -> None:
    rows = [f"p{n}@x.io,,,,,,," for n in range(9)]
    path = write(tmp_path / "people.csv", HEADER, *rows[:5], "nobody,,,,,,,", *rows[6:])

    code, broken_off = import_file(path, "--stop-on-error", "--batch-size=2")
    there = Subscriber.objects.count()
    write(path, HEADER, *rows)
    resumed_code, resumed = import_file(path, "--resume", "--batch-size=2")

    assert (code, broken_off["rows"], there) == (1, 5, 5)
    assert (resumed_code, resumed["rows"], resumed["recorded"]) == (0, 9, 9)
    assert Subscriber.objects.count() == 9
    assert ImportRun.objects.get().status == ImportRun.Status.FINISHED


def test_people_who_have_to_confirm_are_asked(workspace: Workspace, tmp_path: Path) -> None:
    Workspace.objects.filter(pk=workspace.pk).update(double_opt_in=True)
    path = write(tmp_path / "people.csv", "email", "ada@example.com", "bo@example.com")

    asked_code, _ = import_file(path)
    code, said = import_file(path, "--yes")

    assert (asked_code, Subscriber.objects.count()) == (1, 2)
    assert (code, said["confirmationsQueued"]) == (0, 2)
    assert set(Subscriber.objects.values_list("status", flat=True)) == {"pending"}


@pytest.mark.usefixtures("workspace")
def test_a_dry_run_says_what_would_be(tmp_path: Path) -> None:
    path = write(tmp_path / "people.csv", HEADER, "ada@example.com,,,vip,,,,", "nobody,,,,,,,")

    code, said = import_file(path, "--dry-run", "--opt-in-mode=confirmed")

    assert (code, said["recorded"], said["rejected"]) == (3, 1, 1)
    assert not Subscriber.objects.exists()
    assert not ConsentRecord.objects.exists()
    assert not ImportRun.objects.exists()


@pytest.mark.usefixtures("workspace")
def test_a_dry_run_says_how_many_people_are_new_at_most(tmp_path: Path) -> None:
    """It forgets whom an earlier batch would have created."""
    path = write(tmp_path / "people.csv", "email", *["ada@example.com", "bo@example.com"] * 2)

    def said(*arguments: str) -> str:
        shown = io.StringIO()
        call_command(
            "import_subscribers", str(path), "--workspace=acme", "--batch-size=2", *arguments,
            stdout=shown, stderr=shown,
        )  # fmt: skip
        return shown.getvalue()

    assert "at most 4 new subscribers" in said("--dry-run")
    assert "; 2 new subscribers; " in said()


@pytest.mark.usefixtures("workspace")
@pytest.mark.parametrize(
    ("header", "arguments", "words"),
    [
        ("post", (), "no column is email or externalId"),
        ("email", ("--map=mail=email",), "no column mail"),
        ("email", ("--map=email=address",), "there is no field 'address'"),
        ("email", ("--map=email",), "'email' is not THEIRS=OURS"),
        ("email", ("--set=plan=pro",), "there is no field 'plan'; there are .*attributes.KEY"),
        ("email", ("--set=tags",), "'tags' is not FIELD=VALUE"),
        ("email", ("--value=state:on=active",), "there is no field 'state'; there are .*status"),
        ("email", ("--value=on=active",), "'on=active' is not FIELD:THEIRS=OURS"),
        ("email", ("--duplicates=replace",), "invalid choice"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_read(
    header: str, arguments: tuple[str, ...], words: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "people.csv", header, "ada@example.com")

    with pytest.raises(CommandError, match=words) as caught:
        call_command("import_subscribers", str(path), "--workspace=acme", *arguments)

    assert "choice" in words or caught.value.returncode == 2
    assert not ImportRun.objects.exists()


def test_the_ledger_names_who_ran_the_command(workspace: Workspace, tmp_path: Path) -> None:
    path = write(tmp_path / "people.csv", "email", "ada@example.com")

    import_file(path, "--opt-in-mode=confirmed")

    run = ImportRun.objects.get(workspace=workspace)
    assert run.actor
    assert ConsentRecord.objects.get().actor == run.actor
