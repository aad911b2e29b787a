"""People from the files of other products: headers, words and times as people have them."""

import io
import shlex
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from subscribers.models import ConsentRecord, ImportRun, Subscriber
from tests.support.people_in import imported, only, refused

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("acme_in_berlin")]


def test_headers_are_known_by_other_names(tmp_path: Path) -> None:
    imported(tmp_path, "Email Address,FNAME,Last Name\nf@example.com,Ann,Lee\n")

    assert (only().email, only().first_name, only().last_name) == ("f@example.com", "Ann", "Lee")


def test_the_mapping_is_shown_first_and_kept_with_the_run(tmp_path: Path) -> None:
    text = "E-Mail,Plan,first_name\nf@example.com,pro,Ann\n"

    for arguments in (["--dry-run"], []):
        lines = imported(tmp_path, text, *arguments).splitlines()

        assert lines[:3] == [
            "  E-Mail → email (a known name): f@example.com",
            "  first_name → firstName (a known name): Ann",
            "  Plan → not used: pro",
        ]
    kept = ImportRun.objects.get().mapping
    assert kept is not None
    # In the order of the file on every database.
    assert [name for name, _ in kept["columns"]] == ["E-Mail", "Plan", "first_name"]
    assert kept["columns"][1][1] == {"samples": ["pro"]}


@pytest.mark.parametrize("word", ["Unsubscribed", "BLOCKLISTED", "never_subscribed"])
def test_a_status_in_other_words_is_never_lost(tmp_path: Path, word: str) -> None:
    imported(tmp_path, f"email,Status\nq@example.com,{word}\n")

    assert only().status == "unsubscribed"


@pytest.mark.parametrize(
    ("header", "cell", "status"),
    [
        ("Unsubscribed", "true", "unsubscribed"),
        ("Unsubscribed from Emails", "yes", "unsubscribed"),
        ("unsubscribed", "false", "active"),
        ("Accepts Marketing", "no", "unsubscribed"),
        ("bounced", "1", "bounced"),
        ("Email Marketing Consent", "UNSUBSCRIBED", "unsubscribed"),
    ],
)
def test_a_column_of_yes_and_no_says_who_left(
    tmp_path: Path, header: str, cell: str, status: str
) -> None:
    imported(tmp_path, f"email,{header}\nq@example.com,{cell}\n")

    assert only().status == status


def test_the_gravest_of_a_row_counts(tmp_path: Path) -> None:
    imported(tmp_path, "email,status,bounced,unsubscribed\nq@example.com,active,yes,yes\n")

    assert only().status == "bounced"


@pytest.mark.parametrize(
    ("header", "cells"),
    [
        ("Mail Permission Consent", ["x", "y"]),
        ("CLEANED ON", ["2024-01-01", ""]),
        ("zustand", ["unsubscribed", "subscribed"]),
    ],
)
@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_column_that_may_say_who_left_is_not_left_out_in_silence(
    tmp_path: Path, header: str, cells: list[str], form: str
) -> None:
    if form == "csv":
        text = f"email,{header}\n" + "".join(f"{n}@x.io,{cell}\n" for n, cell in enumerate(cells))
    else:
        text = "".join(
            f'{{"email":"{n}@x.io","{header}":"{cell}"}}\n' for n, cell in enumerate(cells)
        )

    said = refused(tmp_path, text, name=f"people.{form}")

    assert f"--ignore-column {header}" in said.replace("'", "")
    imported(tmp_path, text, f"--ignore-column={header}", name=f"people.{form}")
    assert Subscriber.objects.count() == 2


def test_a_column_of_ours_can_be_left_out(tmp_path: Path) -> None:
    imported(tmp_path, '{"email":"a@x.io","firstName":"A"}\n', "--ignore-column=firstName",
             name="people.jsonl")  # fmt: skip

    assert only().first_name == ""


def test_a_word_of_the_file_gets_its_meaning(tmp_path: Path) -> None:
    imported(tmp_path, "email,status\na@x.io,Gold Member\n", "--value=status:gold member=active")

    assert only().status == "active"


def test_one_value_for_the_whole_file(tmp_path: Path) -> None:
    imported(
        tmp_path, "email,Tags\na@x.io,vip\n", "--set=status=unsubscribed", "--set=tags=old;moved",
        "--set=attributes.from=mailchimp",
    )  # fmt: skip

    assert only().status == "unsubscribed"
    names = only().tag_links.values_list("tag__name", flat=True)
    assert sorted(names) == ["moved", "old", "vip"]
    assert only().attributes == {"from": "mailchimp"}


def test_a_value_for_all_rows_does_not_fight_a_column(tmp_path: Path) -> None:
    said = refused(tmp_path, "email,Status\na@x.io,bounced\n", "--set=status=active")

    assert "--ignore-column Status" in said


@pytest.mark.parametrize(
    ("cells", "tags"),
    [
        (["vip,beta", "old"], {"vip", "beta", "old"}),
        (["vip|beta", "old"], {"vip", "beta", "old"}),
        (['"VIP","a;b"', "old"], {"vip", "ab", "old"}),
        (['["vip","beta"]', "old"], {"vip", "beta", "old"}),
        (["a, b;vip", "c,d"], {"a-b", "vip", "cd"}),
    ],
)
def test_tags_are_parted_as_the_whole_column_is(
    tmp_path: Path, cells: list[str], tags: set[str]
) -> None:
    rows = [f'{n}@x.io,"{cell.replace(chr(34), chr(34) * 2)}"\n' for n, cell in enumerate(cells)]

    imported(tmp_path, "email,tags\n" + "".join(rows))

    found = Subscriber.objects.values_list("tag_links__tag__name", flat=True)
    assert set(found) == tags


@pytest.mark.parametrize(
    ("cells", "moment"),
    [
        (["2023-05-01 10:00:00"], datetime(2023, 5, 1, 8, tzinfo=UTC)),
        (["2023-05-01"], datetime(2023, 4, 30, 22, tzinfo=UTC)),
        (["2023-05-01 10:00:00 UTC"], datetime(2023, 5, 1, 10, tzinfo=UTC)),
        (["2023-02-08 09:11:12.1 +0000 UTC"], datetime(2023, 2, 8, 9, 11, 12, 100_000, tzinfo=UTC)),
        (["2023-05-01 10:00 America/New_York"], datetime(2023, 5, 1, 14, tzinfo=UTC)),
        (["1682935200"], datetime(2023, 5, 1, 10, tzinfo=UTC)),
        (["1682935200000"], datetime(2023, 5, 1, 10, tzinfo=UTC)),
        (["1/5/2023 10:00", "31/01/2023"], datetime(2023, 5, 1, 8, tzinfo=UTC)),
        (["5/1/2023 10:00 AM", "01/31/2023"], datetime(2023, 5, 1, 8, tzinfo=UTC)),
        (["01.05.2023"], datetime(2023, 4, 30, 22, tzinfo=UTC)),
    ],
)
def test_times_are_read_as_the_whole_column_is(
    tmp_path: Path, cells: list[str], moment: datetime
) -> None:
    rows = "".join(f"{n}@x.io,{cell}\n" for n, cell in enumerate(cells))

    imported(tmp_path, f"email,Created At\n{rows}")

    assert Subscriber.objects.get(email="0@x.io").created_at == moment


@pytest.mark.parametrize(
    "cells",
    [["1/5/2023", "2/5/2023"], ["2023"], ["20230501"], ["45047.4"], ["31/1/2023", "1/31/2023"],
     ["2023-05-01", "1682935200"]],
)  # fmt: skip
def test_times_that_may_mean_two_things_are_asked_for(tmp_path: Path, cells: list[str]) -> None:
    rows = "".join(f"{n}@x.io,{cell}\n" for n, cell in enumerate(cells))

    said = refused(tmp_path, f"email,createdAt\n{rows}")

    assert "--date-format createdAt=FORMAT" in said


@pytest.mark.parametrize(
    ("cell", "form"),
    [("1/5/2023", "d/m/Y"), ("5/1/2023", "createdAt=m/d/Y"), ("45047", "excel"),
     ("May 1 2023", "%B %d %Y")],
)  # fmt: skip
def test_the_form_of_times_can_be_given(tmp_path: Path, cell: str, form: str) -> None:
    text = f"email,createdAt\na@x.io,{cell}\n"

    imported(tmp_path, text, f"--date-format={form}", "--timezone=UTC")

    assert only().created_at == datetime(2023, 5, 1, tzinfo=UTC)


def test_a_proof_of_consent_in_another_form_counts(tmp_path: Path) -> None:
    imported(
        tmp_path, "Email Address,CONFIRM_TIME,CONFIRM_IP\na@x.io,2024-05-05 12:00:00,192.0.2.1\n"
    )

    line = ConsentRecord.objects.get()
    assert (line.at, line.ip) == (datetime(2024, 5, 5, 10, tzinfo=UTC), "192.0.2.1")


def test_a_column_keeps_its_texts_where_one_would_change(tmp_path: Path) -> None:
    header = "email,attributes.version,attributes.zip,attributes.seats,attributes.vip"

    imported(tmp_path, f"{header}\na@x.io,1.10,02134,7,TRUE\nb@x.io,2,90210,12.5,false\n")

    found = Subscriber.objects.order_by("email").values_list("attributes", flat=True)
    assert list(found) == [
        {"version": "1.10", "zip": "02134", "seats": 7, "vip": True},
        {"version": "2", "zip": "90210", "seats": 12.5, "vip": False},
    ]


def test_a_text_after_cells_of_every_other_type_makes_a_column_of_texts(tmp_path: Path) -> None:
    rows = "".join(f'{n}@x.io,"{cell}"\n' for n, cell in enumerate(["null", "yes", 7, [1], "07"]))
    text = rows.replace("yes", "true")

    imported(tmp_path, f"email,attributes.code\n{text}")

    assert Subscriber.objects.get(email="4@x.io").attributes == {"code": "07"}
    assert Subscriber.objects.get(email="2@x.io").attributes == {"code": "7"}


def test_advice_can_be_typed_into_a_shell(tmp_path: Path) -> None:
    said = refused(tmp_path, "email,Who's unsubscribed\na@x.io,x\n")

    column = "Who's unsubscribed"
    assert f"--ignore-column {shlex.quote(column)}." in said


def test_the_types_of_columns_can_be_given(tmp_path: Path) -> None:
    imported(tmp_path, "email,attributes.a,attributes.b\na@x.io,7,1.50\n",
             "--types=attributes.a=text,attributes.b=number")  # fmt: skip

    assert only().attributes == {"a": "7", "b": 1.5}


@pytest.mark.parametrize("name", ["Lena Moss", '"Moss, Lena"'])
def test_a_name_in_one_column_is_parted(tmp_path: Path, name: str) -> None:
    imported(tmp_path, f"email,name\na@x.io,{name}\n", "--split-name=name")

    assert (only().first_name, only().last_name) == ("Lena", "Moss")


def test_a_path_leads_into_the_objects_of_people(tmp_path: Path) -> None:
    text = '{"type":"identify","userId":"u1","traits":{"email":"a@x.io","plan":"pro"}}\n'

    imported(
        tmp_path, text, "--map=traits.email=email", "--map=traits.plan=attributes.plan",
        name="people.jsonl",
    )  # fmt: skip

    assert (only().email, only().external_id, only().attributes) == (
        "a@x.io",
        "u1",
        {"plan": "pro"},
    )


def test_a_resumed_import_keeps_its_mapping(tmp_path: Path) -> None:
    head = "email,createdAt\na@x.io,31/01/2023\n"
    with pytest.raises(CommandError):
        imported(tmp_path, f"{head}nobody,1/2/2023\n", "--stop-on-error", "--batch-size=1")

    imported(tmp_path, f"{head}b@x.io,1/2/2023\n", "--resume")

    assert Subscriber.objects.get(email="b@x.io").created_at.month == 1


@pytest.mark.parametrize("strategy", ["skip", "merge", "overwrite"])
@pytest.mark.parametrize("word", ["unsubscribed", "cleaned", "spam"])
def test_who_left_leaves_whatever_becomes_of_known_people(
    tmp_path: Path, strategy: str, word: str
) -> None:
    imported(tmp_path, "email,first name\nu@x.io,Uma\n")

    text = f"email,status,first name,tags\nu@x.io,{word},Una,new\n"
    said = imported(tmp_path, text, f"--duplicates={strategy}")

    assert only().status != "active"
    assert "1 known person left (unsubscribed, bounced or complained)" in said
    assert ImportRun.objects.order_by("-id")[0].people_left == 1
    # Nothing else of the row counts where known people are skipped.
    assert only().tag_links.exists() is (strategy != "skip")


@pytest.mark.parametrize("strategy", ["skip", "merge"])
def test_the_status_of_known_people_can_be_kept(tmp_path: Path, strategy: str) -> None:
    imported(tmp_path, "email\nu@x.io\n")

    imported(
        tmp_path, "email,status\nu@x.io,unsubscribed\n", "--keep-status",
        f"--duplicates={strategy}",
    )  # fmt: skip

    assert only().status == "active"


def test_a_later_row_that_says_somebody_left_counts(tmp_path: Path) -> None:
    imported(tmp_path, "email,status\nv@x.io,active\nv@x.io,unsubscribed\nv@x.io,active\n")

    assert only().status == "unsubscribed"


def test_an_erased_person_is_in_no_samples_either(tmp_path: Path) -> None:
    imported(tmp_path, "email,phone\nu@x.io,030 1234\n")

    call_command("erase_subscriber", "u@x.io", "--yes", "--workspace=acme", stdout=io.StringIO())

    mapping = ImportRun.objects.get().mapping
    assert mapping is not None
    assert dict(mapping["columns"])["phone"] == {}
    assert "samples" not in str(mapping)
