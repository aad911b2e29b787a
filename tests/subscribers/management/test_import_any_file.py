"""Files as people upload them: each comes in or is refused, and nobody who left is active."""

import contextlib
import itertools
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from subscribers.models import ImportRun, Subscriber
from tests import factories
from tests.support.people_in import imported

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def workspace(db: None) -> None:
    factories.WorkspaceFactory.create(slug="acme")


NUMBERS = itertools.count()
STATUSES = ["Unsubscribed", "unsub", "cleaned", "hard bounce", "SPAM", "blocklisted", "opted-out"]


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    header=st.sampled_from(["status", "Status", "Subscription Status", "Email Status"]),
    words=st.lists(
        st.sampled_from([*STATUSES, "active", "Subscribed", ""]), min_size=1, max_size=6
    ),
    delimiter=st.sampled_from([",", ";", "\t"]),
    strategy=st.sampled_from(["skip", "merge", "overwrite"]),
    are_known=st.booleans(),
)
def test_nobody_who_left_is_active_after_an_import(
    tmp_path: Path, header: str, words: list[str], delimiter: str, strategy: str, are_known: bool
) -> None:
    # Other people for each example: what is known of the last ones holds.
    domain = f"x{next(NUMBERS)}.io"
    people = [f"p{number % 3}@{domain}" for number in range(len(words))]
    if are_known:
        imported(tmp_path, "".join(["email\n", *(f"{each}\n" for each in people)]))
    rows = "".join(
        f"{person}{delimiter}{word}\n" for person, word in zip(people, words, strict=True)
    )

    imported(tmp_path, f"E-Mail{delimiter}{header}\n{rows}", f"--duplicates={strategy}")

    gone = {person for person, word in zip(people, words, strict=True) if word in STATUSES}
    active = Subscriber.objects.filter(status="active").values_list("email", flat=True)
    assert not gone & set(active)


WIDE = ",".join(["email", *(f"c{number}" for number in range(300))])


@pytest.mark.parametrize(
    ("content", "people", "rejected"),
    [
        # As a German spreadsheet saves it.
        ('sep=;\r\n"E-Mail";Vorname;Nachname\r\na@x.io;"Zoë";"O; B"\r\n', 1, 0),
        (f"{WIDE}\na@x.io{',x' * 300}\n", 1, 0),
        ("email,firstName\r\na@x.io,A\nb@x.io,B\r\n", 2, 0),
        ('email,attributes.note\na@x.io,"A\nB"\n', 1, 0),
        ("\n\nemail,firstName\na@x.io,A\n\n\n", 1, 0),
        ("email , firstName\n a@x.io , A \n", 1, 0),
        # A second line of headers, and a line of totals, are rows without an address.
        ("email,firstName\nE-Mail address,First name\na@x.io,A\n", 1, 1),
        ("email,firstName\na@x.io,A\nTotal,1\n", 1, 1),
        ("email,firstName\nmailto:a@x.io,A\n", 0, 1),
        ("email\na@bücher.example\n", 1, 0),
        ("email|tags\na@x.io|one,two\n", 1, 0),
    ],
)
def test_files_as_people_have_them(
    tmp_path: Path, content: str, people: int, rejected: int
) -> None:
    with contextlib.suppress(SystemExit):
        imported(tmp_path, content)

    run = ImportRun.objects.get()
    assert (run.recorded, run.rejected, Subscriber.objects.count()) == (people, rejected, people)


def test_another_encoding_late_in_a_file_is_asked_for_before_a_row_is_in(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    rows = "".join(f"p{number}@x.io,Ann\n" for number in range(2000))
    path.write_bytes(f"email,first name\n{rows}z@x.io,Zoë Müller\n".encode("cp1252"))
    arguments = ["import_subscribers", str(path), "--workspace=acme", "--quiet"]

    with pytest.raises(CommandError, match=r"line 2002: is not UTF-8.*--encoding") as caught:
        call_command(*arguments)

    assert caught.value.returncode == 2
    assert not ImportRun.objects.exists()
