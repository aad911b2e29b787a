"""Files in the admin: begun, sent in parts, looked through, answered, by those who may."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from config.admin_base import admin_url, list_url, view_url
from config.http import uploads as multipart
from events.models import Event
from subscribers import tasks
from subscribers.admin import import_form, import_upload
from subscribers.models import ImportRun, Subscriber, SubscriberTag, Workspace
from subscribers.services.imports import uploads
from subscribers.services.workspaces import installation
from tests import factories
from tests.subscribers.admin.test_import_run import sign_in
from tests.support.html_forms import fields_in

pytestmark = pytest.mark.django_db
ADD = "/admin/subscribers/importrun/add/"
BEGIN = "/admin/subscribers/importrun/begin/"
PART = "/admin/subscribers/importrun/01a22e65-af7e-702b-8123-f61b9cc3f24e/part/"
PEOPLE = b"email,Plan\nada@example.com,team\nbob@example.com,free\nnobody,\n"


@pytest.fixture
def workspace() -> Workspace:
    return factories.WorkspaceFactory.create()


def begun(
    client: Client, workspace: Workspace, content: bytes = PEOPLE, *, kind: str = "subscribers"
) -> ImportRun:
    """Upload a file at once, as a browser without scripts does, and let it be looked through."""
    file = SimpleUploadedFile("people.csv", content)
    given = {"workspace": workspace.pk.hex, "kind": kind, "file": file}
    answer = client.post(BEGIN, given)
    run = ImportRun.objects.get()
    assert answer["Location"] == view_url(run, "columns")
    return worked(run)


def worked(run: ImportRun) -> ImportRun:
    while tasks.carry_on_imports():
        pass
    run.refresh_from_db()
    return run


def page_of(client: Client, run: ImportRun) -> str:
    return client.get(view_url(run, "columns")).content.decode()


def answered(client: Client, run: ImportRun, stage: str, **changes: Any) -> ImportRun:
    """Send the form as the page shows it, with changes."""
    shown = fields_in(page_of(client, run), form_id="import-form")
    answer = client.post(view_url(run, "answer"), {**shown, "stage": stage, **changes})
    assert answer.status_code == 302, answer.content.decode()
    return worked(run)


def test_a_file_comes_in_by_pages_alone(admin_client: Client, workspace: Workspace) -> None:
    assert "CSV, JSON, a workbook" in admin_client.get(ADD).content.decode()
    run = begun(admin_client, workspace)
    page = page_of(admin_client, run)
    assert "ada@example.com" in page
    assert "Attributes: Plan" in page

    run = answered(admin_client, run, "dry_run", field_1="attributes.Plan")
    assert "Of 3 rows, 2 would be imported" in page_of(admin_client, run)
    assert "New people: at most 2, as a person in several rows" in page_of(admin_client, run)
    assert "1 row rejected" not in admin_client.get("/admin/").content.decode()
    listed = admin_client.get(list_url(ImportRun)).content.decode()
    assert "Dry run: waiting for your answer" in listed
    assert "0 (2 in the dry run)" in listed
    assert "the dry run: nothing was written" in admin_client.get(admin_url(run)).content.decode()
    assert not Subscriber.objects.exists()

    run = answered(admin_client, run, "import", tags="moved, 2024")
    assert (run.status, run.recorded, run.rejected) == ("finished", 2, 1)
    assert "dry run" not in admin_client.get(admin_url(run)).content.decode()
    assert "1 row rejected" in admin_client.get("/admin/").content.decode()
    ada = Subscriber.objects.get(email="ada@example.com")
    assert ada.attributes == {"Plan": "team"}
    tags = SubscriberTag.objects.filter(subscriber=ada).values_list("tag__name", flat=True)
    assert sorted(tags) == ["2024", "moved"]
    assert "The import has finished." in page_of(admin_client, run)
    said = list(LogEntry.objects.order_by("pk").values_list("change_message", flat=True))
    assert said == ["Uploaded the file", "Asked for: dry run", "Asked for: import"]


def test_a_script_sends_parts(admin_client: Client, workspace: Workspace) -> None:
    opened = admin_client.post(
        BEGIN,
        {"workspace": workspace.pk.hex, "kind": "subscribers", "name": "a.csv", "size": "66"},
    ).json()

    def send(offset: int, content: bytes) -> Any:
        part = SimpleUploadedFile("part", content)
        return admin_client.post(opened["part"], {"offset": str(offset), "part": part})

    content = b"email\n" + b"".join(b"p%d@example.com\n" % number for number in range(4))[:60]
    assert send(0, content[:40]).json() == {"storedBytes": 40}
    assert send(0, content[:40]).json() == {"storedBytes": 40}
    wrong = send(50, content[50:])
    assert (wrong.status_code, wrong.json()["storedBytes"]) == (409, 40)
    assert ImportRun.objects.get().status == "uploading"
    assert send(40, content[40:]).json() == {"storedBytes": 66}
    run = worked(ImportRun.objects.get())
    assert (run.status, opened["next"]) == ("ready", view_url(run, "columns"))


def test_what_cannot_be_begun(admin_client: Client, workspace: Workspace) -> None:
    def begin(**changes: str) -> Any:
        given = {"workspace": workspace.pk.hex, "kind": "subscribers", "name": "a", "size": "5"}
        return admin_client.post(BEGIN, {**given, **changes})

    for changes, words in (
        ({"workspace": "x"}, "Choose a workspace."),
        ({"kind": "users"}, "Choose what the rows"),
        ({"size": "0"}, "is empty"),
        ({"size": str(2**40)}, "manage.py import_subscribers"),
        ({"size": "9" * 400}, "is empty"),
    ):
        answer = begin(**changes)
        assert answer.status_code == 400
        assert words in answer.json()["error"]
    for _ in range(uploads.MOST_WAITING):
        assert begin().status_code == 200
    assert "wait already" in begin().json()["error"]


def test_a_part_has_a_greatest_size(
    admin_client: Client, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_upload, "MOST_PART_BYTES", 10)
    run = begun(admin_client, workspace)
    address = reverse("admin:subscribers_importrun_part", args=[run.pk])
    part = SimpleUploadedFile("part", b"x" * 11)

    assert admin_client.post(address, {"offset": "0", "part": part}).status_code == 413
    assert admin_client.post(address, {"offset": "0"}).status_code == 404


def test_a_restored_copy_imports_nothing(
    admin_client: Client, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(installation, "on_hold_since", lambda: workspace.created_at)
    given = {"workspace": workspace.pk.hex, "kind": "subscribers", "name": "a", "size": "5"}

    assert "on hold" in admin_client.post(BEGIN, given).json()["error"]


def test_who_may_only_look_imports_nothing(client: Client, workspace: Workspace) -> None:
    sign_in(client, "view_importrun")
    run = factories.ImportRunFactory.create(status="ready", stage="look", options={"size": 1})
    part = reverse("admin:subscribers_importrun_part", args=[run.pk])

    assert client.get(ADD).status_code == 403
    for address in (BEGIN, part, view_url(run, "answer")):
        assert client.post(address, {"workspace": workspace.pk.hex}).status_code == 403
    assert '<form class="cueline-import"' not in page_of(client, run)
    assert ImportRun.objects.count() == 1


@pytest.mark.parametrize("address", [BEGIN, PART])
def test_a_stranger_is_refused_before_the_body(address: str) -> None:
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": address,
        "CONTENT_TYPE": "multipart/form-data; boundary=x",
        "SERVER_NAME": "testserver",
        "SERVER_PORT": "80",
    }
    form = multipart.form_of(environ)

    assert isinstance(form, multipart.Form)
    assert form.permission == import_upload.MAY_IMPORT
    assert form.judge_sender(environ) == multipart.NOT_ALLOWED


def test_confirmation_mails_are_asked_for(admin_client: Client) -> None:
    workspace = factories.WorkspaceFactory.create(double_opt_in=True)
    run = begun(admin_client, workspace)
    shown = fields_in(page_of(admin_client, run), form_id="import-form")

    asked = admin_client.post(view_url(run, "answer"), {**shown, "stage": "import"})
    assert asked.status_code == 200
    assert "up to 3 confirmation mails" in asked.content.decode()
    assert not Subscriber.objects.exists()

    run = answered(admin_client, run, "import", is_sure="on")
    assert (run.status, run.confirmations_queued) == ("finished", 2)


def test_a_left_out_column_can_be_taken_back(admin_client: Client, workspace: Workspace) -> None:
    run = begun(admin_client, workspace, b"email,Mail consent\nada@example.com,no\n")
    run = answered(admin_client, run, "import")
    assert "looks as if it says who left" in page_of(admin_client, run)

    run = answered(admin_client, run, "dry_run", field_1="-")
    assert run.last_error == ""
    run = answered(admin_client, run, "import", field_1="subscribed")
    assert Subscriber.objects.get().status == "unsubscribed"


def test_words_that_mean_nothing_are_told(admin_client: Client, workspace: Workspace) -> None:
    run = begun(admin_client, workspace, b"email,status\nada@example.com,gold\n")
    shown = fields_in(page_of(admin_client, run), form_id="import-form")

    answer = admin_client.post(
        view_url(run, "answer"), {**shown, "stage": "import", "words": "gold", "encoding": "x-1"}
    )
    page = answer.content.decode()
    assert "is not THEIRS=OURS" in page
    assert "There is no such encoding" in page

    run = answered(admin_client, run, "import", words="Gold = active")
    assert (run.status, run.recorded) == ("finished", 1)


def test_events_of_another_product_come_in(admin_client: Client, workspace: Workspace) -> None:
    content = (
        b"type,event,messageId,timestamp,email\n"
        b"track,Signed Up,m1,2024-05-01T10:00:00Z,ada@example.com\n"
    )
    run = begun(admin_client, workspace, content, kind="events")
    run = answered(admin_client, run, "look", preset="segment")
    run = answered(admin_client, run, "import")

    assert (run.status, run.last_error) == ("finished", "")
    assert Event.objects.get().event_id == "m1"


def test_hostile_names_are_texts(admin_client: Client, workspace: Workspace) -> None:
    content = b'email,<script>alert(1)</script>\nada@example.com,<b onload="x">\n'
    page = page_of(admin_client, begun(admin_client, workspace, content))

    assert "<script>alert" not in page
    assert '<b onload="x">' not in page
    assert "&lt;b onload" in page


def test_a_form_of_another_look_changes_nothing(admin_client: Client, workspace: Workspace) -> None:
    """Columns are sent by their places, which another delimiter moves."""
    run = begun(admin_client, workspace, b"email,a;b\nada@example.com,1;2\n")
    shown = fields_in(page_of(admin_client, run), form_id="import-form")
    answered(admin_client, run, "look", delimiter=";")

    answer = admin_client.post(view_url(run, "answer"), {**shown, "stage": "import"}, follow=True)

    assert import_upload.OUT_OF_DATE in answer.content.decode()
    assert worked(run).status == "ready"
    assert not Subscriber.objects.exists()


def test_a_product_column_that_is_no_field_of_ours_is_kept(
    admin_client: Client, workspace: Workspace
) -> None:
    content = (
        b"type,event,messageId,timestamp,email\n"
        b"track,Signed Up,m1,2024-05-01T10:00:00Z,ada@example.com\n"
        b"identify,,m2,2024-05-01T10:00:00Z,ada@example.com\n"
    )
    run = begun(admin_client, workspace, content, kind="events")
    run = answered(admin_client, run, "look", preset="segment")
    before = run.mapping

    run = answered(admin_client, run, "dry_run")

    assert run.mapping == before


def test_who_left_is_not_dropped_by_not_used(admin_client: Client, workspace: Workspace) -> None:
    run = begun(admin_client, workspace, b"email,status\nada@example.com,unsubscribed\n")
    shown = fields_in(page_of(admin_client, run), form_id="import-form")
    given = {**shown, "stage": "import", "field_1": ""}

    answer = admin_client.post(view_url(run, "answer"), given)

    assert answer.status_code == 200
    assert "It says who left or agreed" in answer.content.decode()
    run = answered(admin_client, run, "dry_run", field_1="-")
    assert (run.last_error, run.recorded) == ("", 1)


@pytest.mark.parametrize("name", [".", "..", "/", "a/..", "x\0.csv"])
def test_odd_names_are_no_places_on_the_disk(
    admin_client: Client, workspace: Workspace, name: str
) -> None:
    given = {"workspace": workspace.pk.hex, "kind": "subscribers", "name": name, "size": "6"}
    part = admin_client.post(BEGIN, given).json()["part"]
    file = SimpleUploadedFile("part", b"email\n")
    assert admin_client.post(part, {"offset": "0", "part": file}).status_code == 200

    run = worked(ImportRun.objects.get())

    assert run.status == "ready"
    assert "Error" not in run.last_error


def test_a_file_that_is_gone_is_not_offered_to_be_resumed(
    admin_client: Client, workspace: Workspace
) -> None:
    run = begun(admin_client, workspace)
    admin_client.post(view_url(run, "cancel"))
    resume = f'action="{view_url(run, "resume")}"'
    assert resume in admin_client.get(admin_url(run)).content.decode()

    run.blocks.all().delete()
    run.parts.all().delete()

    page = admin_client.get(admin_url(run)).content.decode()
    assert resume not in page
    assert "Its file is no longer stored" in page


@pytest.mark.parametrize("stage", ["import", "dry_run"])
def test_another_delimiter_shows_its_columns_before_anything_begins(
    admin_client: Client, workspace: Workspace, stage: str
) -> None:
    run = begun(admin_client, workspace, b"email;a,b\nada@example.com;1,2\n")

    run = answered(admin_client, run, stage, delimiter=";", field_1="attributes.b")

    assert (run.status, run.stage, run.rows) == ("ready", "look", 0)
    assert not Subscriber.objects.exists()
    # What was said of columns that are gone is gone, too.
    assert run.mapping is not None
    assert [name for name, _ in run.mapping["columns"]] == ["email", "a,b"]
    assert run.last_error == ""
    assert "You changed how the file is read" in page_of(admin_client, run)


def test_another_product_shows_its_columns_before_the_import(
    admin_client: Client, workspace: Workspace
) -> None:
    content = b"email,status,created_at,uuid,attributes,updated_at\nada@example.com,enabled,,u,,\n"
    run = begun(admin_client, workspace, content)

    run = answered(admin_client, run, "import", preset="listmonk")

    assert (run.status, run.last_error) == ("ready", "")
    assert not Subscriber.objects.exists()
    page = page_of(admin_client, run)
    assert "You changed how the file is read" in page
    assert "--from listmonk" in page
    run = answered(admin_client, run, "dry_run")
    assert "You changed how the file is read" not in page_of(admin_client, run)
    run = answered(admin_client, run, "import")
    assert (run.status, run.recorded) == ("finished", 1)


def test_columns_without_a_field_of_their_own_are_named_in_a_text(
    admin_client: Client, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_form, "MOST_SHOWN", 2)
    content = b"email,a,b,State,Plan\nada@example.com,1,2,Unsubscribed,team\n"
    run = begun(admin_client, workspace, content)
    assert "3 more columns" in page_of(admin_client, run)

    run = answered(admin_client, run, "import")
    assert "the column State (Unsubscribed) looks as if it says who left" in run.last_error
    shown = fields_in(page_of(admin_client, run), form_id="import-form")
    for others, words in (
        ("Stat=status", "does not begin with one of these columns"),
        ("State=state", "There is no field"),
    ):
        answer = admin_client.post(
            view_url(run, "answer"), {**shown, "stage": "import", "others": others}
        )
        assert words in answer.content.decode()
    run = answered(admin_client, run, "dry_run", others="State=status\nPlan=attributes.Plan\nb=-")
    assert (run.last_error, run.recorded) == ("", 1)
    run = answered(admin_client, run, "import")

    ada = Subscriber.objects.get()
    assert (ada.status, ada.attributes) == ("unsubscribed", {"Plan": "team"})
