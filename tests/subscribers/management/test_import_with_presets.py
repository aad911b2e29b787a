"""What counts beside a preset: the operator, names of files, and what no preset knows."""

import io
import itertools
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from subscribers.models import ImportRun
from subscribers.services.imports import rejects_table
from tests.support.people_in import imported, only, refused
from tests.support.people_of_products import (
    SAMPLES,
    at,
    person,
    sample,
    statuses,
    taken_in,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("acme_in_berlin")]


@pytest.mark.parametrize(
    ("begin", "people"), [("nonsubscribed", ["fil"]), ("unsubscribed", ["cem", "dot"])]
)
def test_a_file_whose_name_says_who_left_needs_the_preset(begin: str, people: list[str]) -> None:
    path = SAMPLES / "mailchimp" / f"{begin}_email_audience_export_0a1b2c3d4e.csv"

    with pytest.raises(CommandError, match="Give --from mailchimp, or --set status=unsubscribed"):
        taken_in(path)

    assert not ImportRun.objects.exists()
    taken_in(path, "--set=status=unsubscribed")
    assert statuses() == dict.fromkeys(people, "unsubscribed")


@pytest.mark.parametrize("begin", ["unsubscribed", "cleaned"])
def test_a_column_that_only_such_a_file_has_says_it_of_a_file_with_another_name(
    tmp_path: Path, begin: str
) -> None:
    file = SAMPLES / "mailchimp" / f"{begin}_email_audience_export_0a1b2c3d4e.csv"
    path = tmp_path / "people.csv"
    path.write_bytes(file.read_bytes())

    said = taken_in(path, "--from=mailchimp")

    status = {"cleaned": "bounced"}.get(begin, begin)
    assert f"every row of people.csv → status: {status}" in said
    assert set(statuses().values()) == {status}


@pytest.mark.parametrize(
    ("preset", "header"),
    [
        ("kit", "email,first_name"),
        ("customerio", "id,cio_id,email"),
        ("brevo", "EMAIL;ADDED_TIME"),
        ("klaviyo", "Email,Klaviyo ID"),
        # Renamed, and not of those who left.
        ("mailchimp", "Email Address,LEID,EUID"),
    ],
)
def test_an_export_that_does_not_say_who_left_is_refused(
    tmp_path: Path, preset: str, header: str
) -> None:
    cells = header.lower().replace("email address", "ada@example.com")
    text = f"{header}\n{cells.replace('email', 'ada@example.com').replace('added_time', '')}\n"

    assert "says who left" in refused(tmp_path, text, f"--from={preset}")
    imported(tmp_path, text, f"--from={preset}", "--set=status=active")
    assert statuses() == {"ada": "active"}


def test_an_inspection_says_that_an_export_does_not_say_who_left(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("id,cio_id,email\n1,2,ada@example.com\n", encoding="utf-8")
    shown = io.StringIO()

    call_command("inspect_file", str(path), stdout=shown)

    assert "it would be refused" in shown.getvalue()
    assert "or give --set status=active" in shown.getvalue()


@pytest.mark.parametrize(
    ("options", "status"), [([], "unsubscribed"), (["--value=status:=active"], "active")]
)
def test_nobody_agreed_in_klaviyo_without_a_word(
    tmp_path: Path, options: list[str], status: str
) -> None:
    text = "Email,Klaviyo ID,Email Marketing Consent\nada@example.com,1,\n"

    said = imported(tmp_path, text, "--from=klaviyo", *options)

    assert f"rows without status → status: {status}" in said
    assert statuses() == {"ada": status}


@pytest.mark.parametrize(
    ("option", "status"),
    [
        ("--value=status:inactive=active", "active"),
        ("--set=status=unsubscribed", "unsubscribed"),
        ("--map=level=status", "bounced"),
        ("--ignore-column=status", "active"),
    ],
)
def test_what_the_operator_says_counts_before_the_preset(
    tmp_path: Path, option: str, status: str
) -> None:
    path = tmp_path / "kit.csv"
    path.write_text("email,status,level\neva@example.com,inactive,bounced\n", encoding="utf-8")

    taken_in(path, "--from=kit", option)

    assert statuses() == {"eva": status}


def test_the_zone_and_the_form_of_times_can_be_said(tmp_path: Path) -> None:
    path = tmp_path / "brevo.csv"
    path.write_text(
        "EMAIL;ADDED_TIME;_BLOCKLISTED\nada@example.com;03-04-2023;\n", encoding="utf-8"
    )

    taken_in(path, "--from=brevo", "--date-format=ADDED_TIME=m/d/Y", "--timezone=UTC")

    assert person("ada").created_at == at("2023-03-04")


def test_the_name_of_a_file_does_not_count_where_the_status_is_said(tmp_path: Path) -> None:
    said = taken_in(sample("mailchimp", tmp_path), "--from=mailchimp", "--set=status=pending")

    assert "every row of" not in said.replace("every row → status: pending", "")
    assert statuses()["fil"] == "pending"
    # What the rows themselves say is never lost.
    assert statuses()["eva"] == "bounced"


@pytest.mark.parametrize(
    ("name", "text", "column"),
    [
        (
            "kit.csv",
            "email,status,Mail level\na@x.io,active,cancelled\nb@x.io,active,cancelled\n",
            "Mail level",
        ),
        ("kit.csv", "email,status,Newsletter consent\na@x.io,active,x\n", "Newsletter consent"),
        (
            "people.jsonl",
            '{"email":"a@x.io","subscriptions":{"email":{"consent":"UNSUBSCRIBED"}}}\n',
            "subscriptions.email.consent",
        ),
    ],
)
def test_a_column_that_says_who_left_does_not_become_an_attribute(
    tmp_path: Path, name: str, text: str, column: str
) -> None:
    assert f"the column {column}" in refused(tmp_path, text, "--from=kit", name=name)


CONSENTS = ["SUBSCRIBED", "UNSUBSCRIBED", "NEVER_SUBSCRIBED", ""]
REASONS = ["", "HARD_BOUNCE", "SPAM_COMPLAINT", "USER_SUPPRESSED", "['UNSUBSCRIBE']", "OTHER"]


@pytest.mark.parametrize("strategy", ["skip", "merge", "overwrite"])
def test_nobody_who_left_is_active_afterwards(tmp_path: Path, strategy: str) -> None:
    people = dict(enumerate(itertools.product(CONSENTS, REASONS)))
    imported(tmp_path, "".join(["email\n", *(f"p{number}@example.com\n" for number in people)]))
    rows = "".join(f"p{number}@example.com,1,{','.join(said)}\n" for number, said in people.items())
    header = "Email,Klaviyo ID,Email Marketing Consent,Email Suppressions\n"

    imported(tmp_path, header + rows, "--from=klaviyo", f"--duplicates={strategy}")

    active = [name for name, status in statuses().items() if status == "active"]
    assert active == [f"p{CONSENTS.index('SUBSCRIBED') + REASONS.index('')}"]


def test_a_second_column_of_a_field_is_left_out_where_it_does_not_say_who_left(
    tmp_path: Path,
) -> None:
    text = "email,status,First Name,first_name\nada@example.com,active,Ada,A.\n"

    imported(tmp_path, text, "--from=kit")

    assert person("ada").first_name == "Ada"


def test_a_second_column_that_says_who_left_refuses_the_file(tmp_path: Path) -> None:
    text = "EMAIL;_BLOCKLISTED;BLOCKLISTED\nada@example.com;;[email_marketing]\n"

    assert "the column BLOCKLISTED" in refused(tmp_path, text, "--from=brevo")


def test_a_run_is_resumed_with_the_same_preset(tmp_path: Path) -> None:
    path = tmp_path / "kit.csv"
    path.write_text(
        "email,status\nada@example.com,active\nnobody,active\neva@example.com,inactive\n",
        encoding="utf-8",
    )
    with pytest.raises(CommandError):
        taken_in(path, "--from=kit", "--stop-on-error")
    assert ImportRun.objects.get().options["from"] == "kit"

    with pytest.raises(CommandError, match="no unfinished import"):
        taken_in(path, "--resume")
    with pytest.raises(SystemExit):
        taken_in(path, "--from=kit", "--resume")

    assert statuses() == {"ada": "active", "eva": "pending"}


def test_rejected_rows_keep_what_the_name_of_their_file_says(tmp_path: Path) -> None:
    path = tmp_path / "nonsubscribed_email_audience_export_1.csv"
    path.write_text(
        "Email Address,First Name,LEID,EUID\nfil,Fil,1,2\nghi@example.com\n", encoding="utf-8"
    )
    rejects = tmp_path / "bad.csv"

    with pytest.raises(SystemExit):
        taken_in(path, "--from=mailchimp", f"--rejects={rejects}")
    stored = b"".join(rejects_table.as_csv(run=ImportRun.objects.get())).decode()

    lines = rejects.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "error,status,Email Address,First Name,LEID,EUID"
    # Cells that were missing are missing still.
    assert lines[2].endswith(",unsubscribed,ghi@example.com")
    assert ",unsubscribed,fil,Fil,1,2" in stored
    mended = tmp_path / "mended.csv"
    mended.write_text("\n".join(lines[:2]).replace("fil,", "fil@example.com,") + "\n")
    taken_in(mended, "--from=mailchimp")
    assert statuses() == {"fil": "unsubscribed"}


@pytest.mark.parametrize(
    ("cell", "status"),
    [
        ("['UNSUBSCRIBE', 'HARD_BOUNCE']", "bounced"),
        ("SPAM_COMPLAINT", "complained"),
        ("Some other reason", "unsubscribed"),
        ("[]", "active"),
        ("false", "active"),
    ],
)
def test_a_reason_for_which_nobody_may_write_is_a_status(
    tmp_path: Path, cell: str, status: str
) -> None:
    imported(tmp_path, f'email,Email Suppressions\na@x.io,"{cell}"\n')

    assert only().status == status
