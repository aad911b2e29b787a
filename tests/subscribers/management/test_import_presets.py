"""Exports of other products come in by `--from NAME` alone, as the people are there."""

import io
import re
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from subscribers.models import ConsentRecord, ImportRun, Subscriber, Workspace
from subscribers.services.imports import rejects_table
from subscribers.services.imports.people.presets import PRESETS
from tests import factories
from tests.support.people_in import imported, only, refused

pytestmark = pytest.mark.django_db

SAMPLES = Path(__file__).parent / "samples"


@pytest.fixture(autouse=True)
def workspace(db: None) -> Workspace:
    return factories.WorkspaceFactory.create(slug="acme", timezone="Europe/Berlin")


def taken_in(path: Path, *arguments: str) -> str:
    """Import a file; return what the terminal shows."""
    shown = io.StringIO()
    call_command(
        "import_subscribers", str(path), "--workspace=acme", *arguments, stdout=shown, stderr=shown
    )
    return shown.getvalue()


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Return Mailchimp's archive of the samples."""
    path = tmp_path / "audience_export_0a1b2c3d4e.zip"
    with zipfile.ZipFile(path, "w") as written:
        for each in sorted((SAMPLES / "mailchimp").iterdir()):
            written.write(each, each.name)
    return path


def statuses() -> dict[str, str]:
    return {
        email.partition("@")[0]: status
        for email, status in Subscriber.objects.values_list("email", "status")
    }


def agreements() -> dict[str, tuple[datetime, str | None]]:
    """Return when and from where each person agreed."""
    lines = ConsentRecord.objects.filter(kind="confirmed")
    found = lines.values_list("subscriber__email", "at", "ip")
    return {email.partition("@")[0]: (moment, ip) for email, moment, ip in found}


def person(name: str) -> Subscriber:
    return Subscriber.objects.get(email=f"{name}@example.com")


def tags_of(name: str) -> list[str]:
    return sorted(person(name).tag_links.values_list("tag__name", flat=True))


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_mailchimp_comes_in_from_its_archive(archive: Path) -> None:
    said = taken_in(archive, "--from=mailchimp")

    ada = person("ada")
    assert statuses() == {
        "ada": "active", "bea": "active", "cem": "unsubscribed", "dot": "unsubscribed",
        "eva": "bounced", "fil": "unsubscribed",
    }  # fmt: skip
    assert (ada.first_name, ada.last_name, ada.timezone) == ("Ada", "Moss", "Europe/Berlin")
    assert ada.created_at == at("2023-04-21 11:16:57")
    assert ada.attributes == {"Company": "Moss, Sons", "CC": "DE", "REGION": "BE"}
    assert (tags_of("ada"), tags_of("fil")) == (["beta-closed", "vip"], ["customer"])
    assert person("cem").unsubscribed_at == at("2023-06-06 12:56:15")
    assert agreements() == {
        "ada": (at("2023-04-21 11:20:03"), "192.0.2.2"),
        # Signed up, and was never asked to confirm.
        "bea": (at("2018-02-05 19:28:23"), "192.0.2.3"),
        "cem": (at("2018-02-12 10:54:26"), "192.0.2.4"),
        "dot": (at("2019-01-01 10:00:00"), None),
        "eva": (at("2018-02-05 19:28:23"), None),
    }
    assert "TAGS → tags (--from mailchimp; as ,)" in said
    assert "LEID → not used (--from mailchimp)" in said
    name = "nonsubscribed_email_audience_export_0a1b2c3d4e.csv"
    assert f"every row of {name} → status: unsubscribed" in said
    assert "Times without a time zone are in UTC." in said
    assert "not read: sms_only_audience_export_0a1b2c3d4e.csv" in said
    assert not any("sms_only" in each for each in ImportRun.objects.get().files)


def test_a_file_of_people_without_addresses_alone_is_refused() -> None:
    path = SAMPLES / "mailchimp" / "sms_only_audience_export_0a1b2c3d4e.csv"

    with pytest.raises(CommandError, match="none of these files has people with an address"):
        taken_in(path, "--from=mailchimp")


def test_klaviyo_comes_in(workspace: Workspace) -> None:
    # Nobody is asked: the consent is in the file.
    Workspace.objects.filter(pk=workspace.pk).update(double_opt_in=True)

    taken_in(SAMPLES / "klaviyo.csv", "--from=klaviyo")

    assert statuses() == {
        "ada": "active", "bea": "unsubscribed", "cem": "unsubscribed", "dot": "bounced",
        "eva": "complained", "fil": "unsubscribed",
    }  # fmt: skip
    assert person("ada").created_at == at("2023-12-24 18:00:00")
    assert person("ada").attributes == {
        "Organization": "Moss & Sons", "City": "Berlin", "Source": "Footer form",
    }  # fmt: skip
    assert person("bea").unsubscribed_at == at("2024-05-05 12:00:00")
    assert agreements() == {
        "ada": (at("2024-01-02 03:04:05"), None),
        **dict.fromkeys(["dot", "eva", "fil"], (at("2024-02-03 04:05:06"), None)),
    }


def test_brevo_comes_in() -> None:
    said = taken_in(SAMPLES / "brevo.csv", "--from=brevo")

    ada = person("ada")
    assert statuses() == {
        "ada": "active", "bea": "unsubscribed", "cem": "active", "dot": "unsubscribed",
    }  # fmt: skip
    # In the workspace's time zone.
    assert (ada.external_id, ada.created_at) == ("user_1", at("2023-04-02 22:00:00"))
    assert ada.attributes == {"SMS": 4930901820, "doubleOptIn": 1, "CITY": "Berlin"}
    assert "ADDED_TIME → createdAt (--from brevo; as d/m/Y)" in said


def test_listmonk_comes_in() -> None:
    taken_in(SAMPLES / "listmonk.csv", "--from=listmonk")

    ada, cem = person("ada"), person("cem")
    assert statuses() == {"ada": "active", "bea": "unsubscribed", "cem": "unsubscribed"}
    assert [ada.first_name, ada.last_name, cem.last_name] == ["Ada", "Moss", "Ay"]
    assert ada.attributes == {"city": "Berlin", "seats": 7}
    # As Go prints times of three zones.
    assert ada.created_at.replace(microsecond=0) == at("2023-02-08 09:11:12")
    assert person("bea").created_at.replace(microsecond=0) == at("2023-02-08 09:11:12")
    assert cem.created_at == at("2023-02-08 09:11:12")


def test_customer_io_comes_in() -> None:
    taken_in(SAMPLES / "customerio.csv", "--from=customerio")

    ada = person("ada")
    assert statuses() == {"ada": "active", "bea": "unsubscribed", "cem": "active"}
    assert (ada.external_id, person("bea").external_id) == ("user_1", None)
    assert (ada.first_name, ada.timezone) == ("Ada", "Europe/Berlin")
    assert ada.attributes == {"plan": "pro", "seats": 7}
    assert ada.created_at == at("2023-02-08 09:11:12")


def test_kit_comes_in() -> None:
    taken_in(SAMPLES / "kit.csv", "--from=kit")

    assert statuses() == {
        "ada": "active", "bea": "unsubscribed", "cem": "bounced", "dot": "complained",
        "eva": "pending",
    }  # fmt: skip
    assert tags_of("ada") == ["beta", "vip"]
    assert person("ada").attributes == {
        "referrer": "https://example.com/", "company": "Moss & Sons",
    }  # fmt: skip
    assert person("ada").created_at == at("2023-01-27 11:43:55")


@pytest.mark.parametrize("strategy", ["skip", "merge", "overwrite"])
@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_a_second_run_changes_nothing(archive: Path, preset: str, strategy: str) -> None:
    path = archive if preset == "mailchimp" else SAMPLES / f"{preset}.csv"
    taken_in(path, f"--from={preset}")
    before = everything()

    said = taken_in(path, f"--from={preset}", f"--duplicates={strategy}")

    assert " 0 recorded" in said
    assert everything() == before


def everything() -> list[Any]:
    people = Subscriber.objects.order_by("email")
    return [
        *people.values(),
        *people.values_list("email", "tag_links__tag__name"),
        *ConsentRecord.objects.order_by("id").values(),
    ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mailchimp/subscribed_email_audience_export_0a1b2c3d4e.csv", ["active", "active"]),
        ("listmonk.csv", ["active", "unsubscribed", "unsubscribed"]),
        ("customerio.csv", ["active", "unsubscribed", "active"]),
    ],
)
def test_statuses_come_in_by_the_headers_alone(name: str, expected: list[str]) -> None:
    taken_in(SAMPLES / name)

    found = Subscriber.objects.order_by("email").values_list("status", flat=True)
    assert list(found) == expected


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


def test_mailchimps_columns_are_known_without_the_preset(tmp_path: Path) -> None:
    text = "Email Address,UNSUB_TIME,CLEAN_TIME,OPTIN_TIME,OPTIN_IP\n"
    row = "{0}@example.com,{1},{2},2020-01-01 00:00:00,192.0.2.9\n"
    rows = [
        row.format("ada", "", ""), row.format("bea", "2024-05-05 12:00:00", ""),
        row.format("cem", "", "2024-05-05 12:00:00"),
    ]  # fmt: skip

    imported(tmp_path, text + "".join(rows), "--timezone=UTC")

    assert statuses() == {"ada": "active", "bea": "unsubscribed", "cem": "bounced"}
    assert agreements()["ada"] == (at("2020-01-01"), "192.0.2.9")
    assert person("ada").created_at == at("2020-01-01")


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


def test_the_name_of_a_file_does_not_count_where_the_status_is_said(archive: Path) -> None:
    said = taken_in(archive, "--from=mailchimp", "--set=status=pending")

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


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_an_inspection_names_the_preset(archive: Path, preset: str) -> None:
    path = archive if preset == "mailchimp" else SAMPLES / f"{preset}.csv"
    shown = io.StringIO()

    call_command("inspect_file", str(path), stdout=shown)

    said = shown.getvalue()
    title = PRESETS[preset].title
    assert f"It looks like an export of {title}: --from {preset}" in said
    assert f"import_subscribers {path} --from {preset} --workspace SLUG --dry-run" in said
    assert "refused" not in said


def test_every_preset_says_where_its_form_is_described() -> None:
    named = re.compile(r"[a-z]+\.[a-z]+\.(com|io)|\w+/\w+")
    assert [name for name, each in PRESETS.items() if not named.search(each.source)] == []
    handbook = Path("templates/docs/importing.md").read_text(encoding="utf-8")
    assert [name for name in PRESETS if f"--from {name}`" not in handbook] == []


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
