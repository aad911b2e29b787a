"""Imports in the admin: totals, reasons, how to resume, and the download of rejects."""

import csv
from io import StringIO
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.test import Client

from config.admin_base import admin_url, list_url, view_url
from subscribers.models import ImportBlock, ImportRun
from subscribers.rows.formula_guard import unguarded
from subscribers.services.imports import rejects_table
from tests import factories


def make_run(**columns: Any) -> ImportRun:
    """Make a run with two rejects."""
    reasons = {"email is not a valid address.": 2}
    run: ImportRun = factories.ImportRunFactory.create(
        rows=5, recorded=3, rejected=2, reasons=reasons, **columns
    )
    factories.ImportRejectFactory.create(
        run=run, line=4, row='{"email":"=cmd|x","properties":{"n":1},"tags":["a","b"]}'
    )
    factories.ImportRejectFactory.create(run=run, line=9, row='{"email":"<b>","error":"old"}')
    return run


def sign_in(client: Client, *codenames: str) -> None:
    """Sign in somebody who may do these things alone."""
    user = User.objects.create_user("ann", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client.force_login(user)


def test_a_page_shows_the_result_of_an_import(admin_client: Client) -> None:
    run = make_run(status="interrupted", actor="root", files=["my events.csv"], line=7)

    page = admin_client.get(admin_url(run)).content.decode()

    assert "2: email is not a valid address." in page
    assert "line 9: email is not a valid address." in page
    assert "import_events &#x27;my events.csv&#x27; --workspace" in page
    assert "my events.csv, line 7, byte 0" in page


def test_the_standard_input_has_a_name(admin_client: Client) -> None:
    run = make_run(files=["-"], options={"format": "csv", "from": None})

    page = admin_client.get(admin_url(run)).content.decode()

    assert "standard input" in page
    assert "<th>format</th>" in page
    assert "<th>from</th>" not in page
    assert "the beginning" in page


def test_a_finished_run_has_nothing_to_resume(admin_client: Client) -> None:
    run = make_run(status="finished")

    page = admin_client.get(admin_url(run)).content.decode()

    assert "The import finished." in page
    assert "--resume" not in page


def test_the_list_shows_outsiders_texts_as_texts(admin_client: Client) -> None:
    make_run(files=["<script>alert(1)</script>.csv"])

    page = admin_client.get(list_url(ImportRun)).content.decode()

    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert(1)" not in page


def test_the_rejects_are_a_file_that_a_spreadsheet_may_open(admin_client: Client) -> None:
    run = make_run()

    answer = admin_client.post(view_url(run, "rejects"))

    assert answer.headers["Content-Disposition"] == f'attachment; filename="rejects-{run.pk}.csv"'
    rows = list(csv.reader(StringIO(answer.getvalue().decode(), newline="")))
    assert rows == [
        ["error", "email", "properties", "tags"],
        ["line 4: email is not a valid address.", "'=cmd|x", '{"n":1}', "a;b"],
        ["line 9: email is not a valid address.", "<b>", "", ""],
    ]
    assert unguarded(rows[1][1]) == "=cmd|x"
    assert LogEntry.objects.get().change_message == "Downloaded the rejects"


def test_rejects_of_several_files_say_of_which(admin_client: Client) -> None:
    run = make_run(files=["a.csv", "b.csv"])

    first = admin_client.post(view_url(run, "rejects")).getvalue().decode().splitlines()[1]

    assert first.startswith("a.csv line 4: ")


@pytest.mark.django_db
def test_many_rejects_come_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rejects_table, "ROWS_AT_ONCE", 2)
    run = factories.ImportRunFactory.create()
    for line in range(2, 7):
        factories.ImportRejectFactory.create(run=run, line=line)

    lines = b"".join(rejects_table.as_csv(run=run)).decode().splitlines()

    assert [line.partition(":")[0] for line in lines] == [
        "error", "line 2", "line 3", "line 4", "line 5", "line 6",
    ]  # fmt: skip


def test_the_download_is_a_post_by_who_may(admin_client: Client, client: Client) -> None:
    run = make_run()
    sign_in(client, "view_importrun")

    assert admin_client.get(view_url(run, "rejects")).status_code == 405
    assert client.get(admin_url(run)).status_code == 200
    assert client.post(view_url(run, "rejects")).status_code == 403
    assert not LogEntry.objects.exists()


def test_a_run_without_rejects_offers_none(admin_client: Client) -> None:
    run = factories.ImportRunFactory.create()

    assert b"Download the rejects" not in admin_client.get(admin_url(run)).content


def test_a_stored_import_is_cancelled_and_resumed(admin_client: Client) -> None:
    run = make_run(status="queued", stored_bytes=10, total_rows=9)
    ImportBlock.objects.create(run=run, offset=0, content=b"{}" * 5)

    waiting = admin_client.get(admin_url(run)).content.decode()
    cancelled = admin_client.post(view_url(run, "cancel"), follow=True).content.decode()
    run.refresh_from_db()
    state = run.status
    admin_client.post(view_url(run, "resume"))
    run.refresh_from_db()

    assert "5 of 9 rows" in waiting
    assert "Cancel the import" in waiting
    assert "Cancelled the import." in cancelled
    assert (state, run.status) == ("interrupted", "queued")
    said = LogEntry.objects.order_by("pk").values_list("change_message", flat=True)
    assert list(said) == ["Cancelled the import", "Resumed the import"]


def test_what_cannot_be_done_is_said(admin_client: Client) -> None:
    run = make_run(status="finished", stored_bytes=10)

    cancelled = admin_client.post(view_url(run, "cancel"), follow=True).content.decode()
    resumed = admin_client.post(view_url(run, "resume"), follow=True).content.decode()

    assert "had ended before" in cancelled
    assert "no longer stored" in resumed
    assert not LogEntry.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["cancel", "resume"])
def test_only_people_with_the_permission_act(client: Client, name: str) -> None:
    run = make_run(status="queued", stored_bytes=10)
    sign_in(client, "view_importrun")

    assert client.post(view_url(run, name)).status_code == 403
    assert client.get(view_url(run, name)).status_code == 405
