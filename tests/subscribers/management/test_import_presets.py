"""Exports of other products come in by `--from NAME` alone, as the people are there."""

import io
import re
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from subscribers.models import ConsentRecord, ImportRun, Subscriber, Workspace
from subscribers.services.imports.people.presets import PRESETS
from tests.support.people_in import imported
from tests.support.people_of_products import (
    SAMPLES,
    agreements,
    at,
    person,
    sample,
    statuses,
    tags_of,
    taken_in,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("acme_in_berlin")]


def test_mailchimp_comes_in_from_its_archive(tmp_path: Path) -> None:
    said = taken_in(sample("mailchimp", tmp_path), "--from=mailchimp")

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


def test_klaviyo_comes_in(acme_in_berlin: Workspace) -> None:
    # Nobody is asked: the consent is in the file.
    Workspace.objects.filter(pk=acme_in_berlin.pk).update(double_opt_in=True)

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
def test_a_second_run_changes_nothing(tmp_path: Path, preset: str, strategy: str) -> None:
    path = sample(preset, tmp_path)
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
    ("name", "expected", "ada"),
    [
        ("mailchimp/subscribed_email_audience_export_0a1b2c3d4e.csv", ["active", "active"], "Ada"),
        ("listmonk.csv", ["active", "unsubscribed", "unsubscribed"], ""),
        ("customerio.csv", ["active", "unsubscribed", "active"], "Ada"),
        (
            "kit.csv", ["active", "unsubscribed", "bounced", "complained", "unsubscribed"], "Ada",
        ),
    ],
)  # fmt: skip
def test_people_come_in_by_the_headers_alone(name: str, expected: list[str], ada: str) -> None:
    taken_in(SAMPLES / name)

    found = Subscriber.objects.order_by("email")
    assert list(found.values_list("status", flat=True)) == expected
    assert found[0].first_name == ada


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


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_an_inspection_names_the_preset(tmp_path: Path, preset: str) -> None:
    path = sample(preset, tmp_path)
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
