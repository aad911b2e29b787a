"""People from the files of other products: headers, words and times as people have them."""

import io
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from subscribers.models import ConsentRecord, ImportRun, Subscriber, Workspace
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def workspace(db: None) -> Workspace:
    return factories.WorkspaceFactory.create(slug="acme", timezone="Europe/Berlin")


def imported(folder: Path, text: str, *arguments: str, name: str = "people.csv") -> str:
    """Import a file; return what the terminal shows."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    shown = io.StringIO()
    call_command(
        "import_subscribers", str(path), "--workspace=acme", *arguments, stdout=shown, stderr=shown
    )
    return shown.getvalue()


def refused(folder: Path, text: str, *arguments: str, name: str = "people.csv") -> str:
    """Import a file that must not begin; return why."""
    with pytest.raises(CommandError) as caught:
        imported(folder, text, *arguments, name=name)
    assert caught.value.returncode == 2
    assert not Subscriber.objects.exists()
    assert not ImportRun.objects.exists()
    return str(caught.value)


def only() -> Subscriber:
    return Subscriber.objects.get()


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
    kept = ImportRun.objects.values_list("mapping__columns__Plan", flat=True)
    assert list(kept) == [{"samples": ["pro"]}]


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
        ("CLEAN_TIME", ["2024-01-01", ""]),
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
    assert "1 known unsubscribed, bounced or complained" in said
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
    assert mapping["columns"]["phone"] == {}
    assert "samples" not in str(mapping)


def status_of(email: str) -> str:
    return Subscriber.objects.get(email=email).status


def imported_together(folder: Path, *texts: str) -> str:
    """Import several files in one run."""
    paths = [folder / f"{number}.csv" for number in range(len(texts))]
    for path, text in zip(paths, texts, strict=True):
        path.write_text(text, encoding="utf-8")
    shown = io.StringIO()
    call_command(
        "import_subscribers", *map(str, paths), "--workspace=acme", stdout=shown, stderr=shown
    )
    return shown.getvalue()


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("email,unsubscribedAt\na@x.io,\n", "email,UNSUB_TIME\nb@x.io,2024-05-05 10:00:00\n"),
        ("email,status\na@x.io,active\n", "Email,Subscriber Status\nb@x.io,Unsubscribed\n"),
    ],
)
def test_each_file_of_a_run_has_its_own_columns(tmp_path: Path, first: str, second: str) -> None:
    imported_together(tmp_path, first, second)

    assert (status_of("a@x.io"), status_of("b@x.io")) == ("active", "unsubscribed")


def test_a_column_that_is_the_second_in_another_file_is_not_dropped(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="the column Email is email in one file"):
        imported_together(tmp_path, "email,Email\na@x.io,\n", "Email\nb@x.io\n")


@pytest.mark.parametrize(
    "text",
    [
        "email,subscribed,Accepts Marketing\na@x.io,yes,no\n",
        "email,unsubscribedAt,UNSUB_TIME\na@x.io,,2024-05-05 10:00:00\n",
    ],
)
def test_a_second_column_that_says_who_left_is_not_left_out(tmp_path: Path, text: str) -> None:
    *_, second = text.splitlines()[0].split(",")

    assert f"the column {second}" in refused(tmp_path, text)


@pytest.mark.parametrize("first", [1, 150])
def test_a_map_of_a_key_that_comes_late_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: int
) -> None:
    rows = "".join(f'{{"email":"{number}@x.io"}}\n' for number in range(first))
    last = '{"email":"z@x.io","state":"unsubscribed"}\n'

    piped(monkeypatch, rows + last, "--map=state=status")

    assert status_of("z@x.io") == "unsubscribed"


def test_a_late_key_of_a_pipe_that_says_who_left_is_rejected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = "".join(f'{{"email":"{number}@x.io"}}\n' for number in range(150))
    last = '{"email":"z@x.io","Unsubscribed":true}\n{"email":"y@x.io","Unsubscribed":null}\n'

    with pytest.raises(SystemExit):
        piped(monkeypatch, rows + last)

    assert not Subscriber.objects.filter(email="z@x.io").exists()
    assert status_of("y@x.io") == "active"
    assert "--map Unsubscribed=unsubscribed" in str(ImportRun.objects.get().reasons)


def piped(monkeypatch: pytest.MonkeyPatch, text: str, *arguments: str) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    call_command(
        "import_subscribers", "-", "--format=jsonl", "--workspace=acme", *arguments,
        stdout=io.StringIO(), stderr=io.StringIO(),
    )  # fmt: skip


def test_words_of_a_column_that_is_empty_at_first_are_seen(tmp_path: Path) -> None:
    empty = "".join(f"{number}@x.io,\n" for number in range(1_001))

    said = refused(tmp_path, f"email,State\n{empty}y@x.io,Unsubscribed\nz@x.io,Unsubscribed\n")

    assert "--map State=status" in said


@pytest.mark.parametrize(
    ("text", "path", "field"),
    [
        ('"attributes":{"unsubscribed":true}', "attributes.unsubscribed", "unsubscribed"),
        (
            '"subscriptions":{"email":{"consent":"UNSUBSCRIBED"}}',
            "subscriptions.email.consent",
            "status",
        ),
    ],
)
def test_an_object_that_says_who_left_is_not_left_out(
    tmp_path: Path, text: str, path: str, field: str
) -> None:
    row = f'{{"email":"a@x.io",{text}}}\n'

    said = refused(tmp_path, row, name="people.jsonl")

    assert f"--map {path}={field}" in said
    imported(tmp_path, row, f"--map={path}={field}", name="people.jsonl")
    assert only().status == "unsubscribed"


@pytest.mark.parametrize("header", ["Subscription", "subscribe"])
def test_a_header_of_a_subscription_is_not_left_out(tmp_path: Path, header: str) -> None:
    assert f"--ignore-column {header}" in refused(tmp_path, f"email,{header}\na@x.io,cancelled\n")


@pytest.mark.parametrize("text", ["a;b", "a,b", "ab"])
def test_a_text_of_tags_in_an_object_is_parted(tmp_path: Path, text: str) -> None:
    imported(tmp_path, f'{{"email":"a@x.io","tags":"{text}"}}\n', "--set=tags=new",
             name="people.jsonl")  # fmt: skip

    names = set(only().tag_links.values_list("tag__name", flat=True))
    assert names == {*text.replace(",", ";").split(";"), "new"}


def test_a_value_for_all_rows_is_not_added_to_what_is_no_list(tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        imported(tmp_path, '{"email":"a@x.io","tags":{"a":1}}\n', "--set=tags=new",
                 name="people.jsonl")  # fmt: skip

    assert ImportRun.objects.get().rejected == 1


@pytest.mark.parametrize(
    ("given", "field", "value"),
    [
        ("createdAt=2024-05-01", "created_at", datetime(2024, 4, 30, 22, tzinfo=UTC)),
        ("createdAt=2024-05-01T10:00:00Z", "created_at", datetime(2024, 5, 1, 10, tzinfo=UTC)),
        ('customAttributes={"a":1}', "attributes", {"a": 1}),
    ],
)
def test_a_value_for_all_rows_is_read_as_a_cell_is(
    tmp_path: Path, given: str, field: str, value: object
) -> None:
    imported(tmp_path, "email\na@x.io\n", f"--set={given}")

    assert getattr(only(), field) == value


@pytest.mark.parametrize("given", ["createdAt=soon", "createdAt=1/5/2024", "tags=[vip]"])
def test_a_value_for_all_rows_that_cannot_be_read_is_refused(tmp_path: Path, given: str) -> None:
    field = given.partition("=")[0]

    assert f"--set {field}: " in refused(tmp_path, "email\na@x.io\n", f"--set={given}")


@pytest.mark.parametrize(
    ("word", "kinds"), [("UNSUBSCRIBED", ["left"]), ("SUBSCRIBED", ["confirmed"])]
)
def test_the_time_when_somebody_left_proves_no_consent(
    tmp_path: Path, word: str, kinds: list[str]
) -> None:
    head = "email,Email Marketing Consent,Email Marketing Consent Timestamp"

    for _ in range(2):
        imported(tmp_path, f"{head}\na@x.io,{word},2024-05-05 12:00:00\n", "--duplicates=merge")

    assert list(ConsentRecord.objects.values_list("kind", flat=True)) == kinds


@pytest.mark.parametrize(
    ("cell", "option", "is_asked"),
    [
        ("", "--quiet", True),
        ("2024-05-05T10:00:00Z", "--quiet", False),
        ("", "--set=consentAt=2024-05-05T10:00:00Z", False),
    ],
)
def test_only_a_proof_of_consent_spares_the_question(
    tmp_path: Path, workspace: Workspace, cell: str, option: str, is_asked: bool
) -> None:
    Workspace.objects.filter(pk=workspace.pk).update(double_opt_in=True)
    header = "note" if option.startswith("--set") else "consentAt"
    text = f"email,{header}\na@x.io,{cell}\n"

    if is_asked:
        with pytest.raises(CommandError, match="no terminal to ask"):
            imported(tmp_path, text, option)
    else:
        imported(tmp_path, text, option)
        assert only().status == "active"
