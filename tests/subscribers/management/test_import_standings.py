"""Nobody who left comes in as active: second columns, late keys, objects, and whole files."""

import contextlib
import io
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from subscribers.models import ConsentRecord, ImportRun, Subscriber, Workspace
from tests.support.people_in import imported, only, refused

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("acme_in_berlin")]


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


@pytest.mark.parametrize(
    "late",
    [
        '"traits":{"prefs":{"unsubscribed":true}}',
        '"traits":{"plan":"pro","email_status":"bounced"}',
        '"State":"Unsubscribed"',
        '"note":"Unsubscribed"',
    ],
)
def test_what_only_a_late_row_of_a_pipe_says_is_rejected(
    monkeypatch: pytest.MonkeyPatch, late: str
) -> None:
    rows = "".join(
        f'{{"email":"{number}@x.io","traits":{{"plan":"pro"}},"note":""}}\n'
        for number in range(120)
    )

    with pytest.raises(SystemExit):
        piped(monkeypatch, rows + f'{{"email":"z@x.io",{late}}}\n{{"email":"y@x.io"}}\n')

    run = ImportRun.objects.get()
    assert (run.recorded, run.rejected) == (121, 1)
    assert not Subscriber.objects.filter(email="z@x.io").exists()
    assert "--ignore-column" in str(run.reasons)


def test_what_a_late_row_of_a_pipe_says_can_be_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = "".join(f'{{"email":"{number}@x.io","note":""}}\n' for number in range(120))
    last = '{"email":"z@x.io","note":"spam","State":"junk","traits":{"status":"cleaned"}}\n'

    piped(
        monkeypatch, rows + last, "--ignore-column=note", "--ignore-column=State",
        "--ignore-column=traits",
    )  # fmt: skip

    assert status_of("z@x.io") == "active"


def test_a_second_column_that_a_pipe_fills_late_is_rejected(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = "".join(f"{number}@x.io,yes,\n" for number in range(120))
    last = "z@x.io,yes,no\n"

    with pytest.raises(SystemExit):
        piped(monkeypatch, f"email,subscribed,Accepts Marketing\n{rows}{last}", line_format="csv")

    assert ImportRun.objects.get().rejected == 1


def piped(
    monkeypatch: pytest.MonkeyPatch, text: str, *arguments: str, line_format: str = "jsonl"
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    call_command(
        "import_subscribers", "-", f"--format={line_format}", "--workspace=acme", *arguments,
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


@pytest.mark.parametrize(
    ("given", "options", "moment"),
    [
        ("2/1/2024", ["--date-format=d/m/Y"], datetime(2024, 1, 1, 23, tzinfo=UTC)),
        ("2/1/2024", ["--date-format=m/d/Y"], datetime(2024, 1, 31, 23, tzinfo=UTC)),
        ("2024-01-02", ["--timezone=America/New_York"], datetime(2024, 1, 2, 5, tzinfo=UTC)),
        ("2. Jan 24", ["--date-format=%d. %b %y"], datetime(2024, 1, 1, 23, tzinfo=UTC)),
    ],
)
def test_a_time_for_all_rows_has_the_form_that_is_given(
    tmp_path: Path, given: str, options: list[str], moment: datetime
) -> None:
    imported(tmp_path, "email\na@x.io\n", f"--set=createdAt={given}", *options)

    assert only().created_at == moment


def test_a_time_for_all_rows_that_may_mean_two_things_is_asked_for(tmp_path: Path) -> None:
    said = refused(tmp_path, "email\na@x.io\n", "--set=createdAt=2/1/2024")

    assert "no day in it is above 12. Give --date-format FORMAT, such as d/m/Y." in said


@pytest.mark.parametrize("header", ["Abgemeldet", "Abgemeldet am", "Désabonné le", "Baja"])
def test_a_header_in_another_language_is_not_left_out(tmp_path: Path, header: str) -> None:
    cell = "2024-05-05" if header.endswith("am") else "x"

    with contextlib.suppress(CommandError):
        imported(tmp_path, f"email,{header}\na@x.io,{cell}\n")

    assert not Subscriber.objects.filter(status="active").exists()


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
    tmp_path: Path, acme_in_berlin: Workspace, cell: str, option: str, is_asked: bool
) -> None:
    Workspace.objects.filter(pk=acme_in_berlin.pk).update(double_opt_in=True)
    header = "note" if option.startswith("--set") else "consentAt"
    text = f"email,{header}\na@x.io,{cell}\n"

    if is_asked:
        with pytest.raises(
            CommandError, match=r"up to 1 confirmation mails over 1 hours.* no terminal to ask"
        ):
            imported(tmp_path, text, option)
    else:
        imported(tmp_path, text, option)
        assert only().status == "active"


@pytest.mark.parametrize(
    ("header", "cell", "field"),
    [
        ("active", "false", "subscribed"), ("is_active", "0", "subscribed"),
        ("enabled", "false", "subscribed"), ("disabled", "true", "unsubscribed"),
        ("Blocked", "yes", "unsubscribed"), ("No Email", "1", "unsubscribed"),
        ("DND", "1", "unsubscribed"), ("can_email", "no", "subscribed"),
        ("newsletter", "0", "subscribed"), ("Newsletter abonniert", "nein", "subscribed"),
        ("marketing", "no", "subscribed"), ("receive_emails", "false", "subscribed"),
        ("email_allowed", "false", "subscribed"), ("permission", "revoked", "status"),
        ("gdpr", "withdrawn", "status"), ("spam", "1", "unsubscribed"),
        ("Spam-Reports", "2", "unsubscribed"),
    ],
)  # fmt: skip
def test_the_advice_for_a_column_that_says_who_left_works(
    tmp_path: Path, header: str, cell: str, field: str
) -> None:
    text = f"email,{header}\na@x.io,{cell}\n"

    said = refused(tmp_path, text)
    assert f"{header}={field}" in said
    imported(tmp_path, text, f"--map={header}={field}")

    assert only().status == "unsubscribed"


@pytest.mark.parametrize(
    ("header", "cell", "status"),
    [
        ("HasOptedOutOfEmail", "TRUE", "unsubscribed"),
        ("Unsubscribed", "2024-05-05", "unsubscribed"),
        ("Do not mail", "1", "unsubscribed"), ("Bounced", "3", "bounced"),
        ("Complained", "2024-05-05", "complained"), ("Suppressed", "hard bounce", "bounced"),
        ("Unsubscribed", "too many mails", "unsubscribed"), ("Bounced", "0", "active"),
    ],
)  # fmt: skip
def test_a_date_a_number_or_a_reason_means_yes(
    tmp_path: Path, header: str, cell: str, status: str
) -> None:
    imported(tmp_path, f"email,{header}\na@x.io,{cell}\n")

    assert only().status == status
