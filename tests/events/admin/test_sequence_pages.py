"""A sequence's pages to look at: the flow, its steps and people, versions and how they differ."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Permission, User
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from config.admin_base import admin_url, list_url, view_url
from config.admin_links import page_url
from events.language import files
from events.models import (
    Enrollment,
    Sequence,
    SequenceCount,
    SequenceCountMark,
    SequenceVersion,
)
from subscribers.models import Workspace
from tests.events.admin.test_sequence_actions import enrolled, new_version
from tests.support.sequence_making import MAIL, make_sequence

Measure = SequenceCount.Measure
HOSTILE = '"><script>alert(1)</script>\u202e{x}'
VIP = [{"type": "tag", "tag": "vip"}]


def shown(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, answer
    return answer.content.decode()


def compared(client: Client, sequence: Sequence, old: int, new: int) -> str:
    return shown(client, f"{view_url(sequence, 'compare')}?old={old}&new={new}")


def viewer() -> Client:
    person = User.objects.create(username="viewer", is_staff=True)
    person.user_permissions.add(Permission.objects.get(codename="view_sequence"))
    client = Client()
    client.force_login(person)
    return client


@pytest.fixture
def branched(workspace: Workspace) -> Sequence:
    """A sequence with a condition, a split and a jump."""
    steps: list[dict[str, Any]] = [
        {"type": "condition", "id": "vip", "rules": VIP, "onFalse": "split"},
        {**MAIL, "id": "for-vips", "subject": "For VIPs", "next": "last"},
        {
            "type": "split", "id": "split", "branches": [
                {"id": "short", "weight": 1, "next": "exit"},
                {"id": "long", "weight": 3, "next": "nap"},
            ],
        },
        {"type": "delay", "id": "nap", "days": 2, "label": "Sleep"},
        {**MAIL, "id": "last", "subject": "Last one"},
    ]  # fmt: skip
    return make_sequence(workspace, *steps, name="Welcome")


def test_the_flow_shows_steps_branches_and_where_they_go_on(
    admin_client: Client, branched: Sequence
) -> None:
    answer = admin_client.get(page_url(branched))

    page = answer.content.decode()
    condition, last = answer.context["flow"].boxes
    yes, no = condition.lanes
    assert (condition.title, last.title) == ("If tag vip", "Email “Last one”")
    assert (yes.name, [box.title for box in yes.boxes], yes.goes_on_at) == (
        "yes", ["Email “For VIPs”"], 5,
    )  # fmt: skip
    split, nap = no.boxes
    assert [(lane.name, lane.share, lane.goes_on_at) for lane in split.lanes] == [
        ("short", "25%", None), ("long", "75%", 4),
    ]  # fmt: skip
    assert (nap.title, nap.sentence) == ("Sleep", "Wait 2 days")
    assert "event signup" in page
    assert '<a href="#step-5">step 5</a>' in page


def test_lists_and_links_lead_to_the_flow(admin_client: Client, branched: Sequence) -> None:
    enrollment = enrolled(branched)

    pages = [shown(admin_client, each) for each in (list_url(Sequence), admin_url(enrollment))]

    assert all(page_url(branched) in page for page in pages)


def test_a_step_leads_to_the_people_who_are_there_now(
    admin_client: Client, branched: Sequence
) -> None:
    for status in ("active", "waiting", "completed"):
        enrolled(branched, status=status)

    box = admin_client.get(page_url(branched)).context["flow"].boxes[0]
    rows = admin_client.get(box.people_address).context["cl"].result_list

    assert box.here == "2 here now"
    assert len(rows) == 2


def test_steps_and_ways_have_their_numbers_of_some_days(
    admin_client: Client, branched: Sequence
) -> None:
    now = timezone.now()
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    for step_key, measure, reason, days, count in (
        ("", Measure.ENTERED, "", 1, 100),
        ("vip", Measure.MET, "", 1, 80),
        ("vip", Measure.UNMET, "", 1, 20),
        ("split", Measure.BRANCH, "long", 1, 20),
        ("for-vips", Measure.MAILED, "", 1, 40),
        ("for-vips", Measure.MAILED, "", 20, 1000),
    ):
        SequenceCount.objects.create(
            workspace=branched.workspace, sequence_id=branched.pk, step_key=step_key,
            measure=measure, reason=reason, unit=SequenceCount.Unit.DAY, count=count,
            starts_at=day - timedelta(days=days),
        )  # fmt: skip

    not_counted = admin_client.get(f"{page_url(branched)}?days=7")
    SequenceCountMark.objects.create(until=now, counted_at=now)
    counted = admin_client.get(f"{page_url(branched)}?days=7")
    odd = admin_client.get(f"{page_url(branched)}?days=x")

    condition, _ = counted.context["flow"].boxes
    yes, no = condition.lanes
    mail, (split, _) = yes.boxes[0], no.boxes
    assert (yes.share, yes.count, no.share, no.count) == ("80%", "80 people", "20%", "20 people")
    assert (mail.facts, mail.came) == (("40 mailed",), 40)
    assert [(lane.share, lane.count) for lane in split.lanes] == [
        ("25%", "0 people"), ("75%", "20 people"),
    ]  # fmt: skip
    assert "100 entered" in counted.content.decode()
    assert "40% of those who entered came here" in counted.content.decode()
    assert "The numbers of the last 7 days are not counted yet" in not_counted.content.decode()
    mailed = odd.context["flow"].boxes[0].lanes[0].boxes[0].facts
    assert (odd.context["days"], mailed) == (30, ("1,040 mailed",))


def test_more_than_are_read_is_at_least(
    admin_client: Client, branched: Sequence, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("events.services.sequences.under_way.MOST_READ", 2)
    for _ in range(3):
        enrolled(branched)

    answer = admin_client.get(page_url(branched))

    assert answer.context["flow"].boxes[0].here == "2+ here now"
    assert "2+ under way" in answer.content.decode()


def test_texts_from_outside_are_escaped(admin_client: Client, workspace: Workspace) -> None:
    name = HOSTILE.replace("\u202e", "")
    sequence = make_sequence(
        workspace, {**MAIL, "id": "a", "subject": HOSTILE, "html": HOSTILE, "label": HOSTILE},
        name=name, description=HOSTILE, eventName=name,
    )  # fmt: skip
    new_version(sequence, {**MAIL, "id": "a", "subject": "Hello", "html": HOSTILE * 3})

    pages = [
        shown(admin_client, address)
        for address in (
            page_url(sequence),
            f"{page_url(sequence)}?version=1",
            f"{view_url(sequence, 'step')}?version=1&number=1",
            *(view_url(sequence, name) for name in ("versions", "activating", "pausing")),
        )
    ]
    pages.append(compared(admin_client, sequence, 1, 2))

    assert not [page for page in pages if "<script>alert" in page]


def test_a_step_is_read_with_its_mail_where_nothing_runs(
    admin_client: Client, workspace: Workspace
) -> None:
    sequence = make_sequence(
        workspace, {**MAIL, "previewText": "Look", "html": "<p>Hi {{subscriber.firstName}}</p>"}
    )

    page = shown(admin_client, f"{view_url(sequence, 'step')}?number=1")
    mail = admin_client.get(f"{view_url(sequence, 'step-mail')}?number=1")

    assert "Look" in page
    assert 'sandbox=""' in page
    assert mail.content.decode() == "<p>Hi {{subscriber.firstName}}</p>"
    assert mail.headers["Content-Security-Policy"].startswith("sandbox;")


def test_a_mail_without_html_and_another_step_have_no_frame(
    admin_client: Client, workspace: Workspace
) -> None:
    sequence = make_sequence(workspace, {"type": "exit", "id": "out"})

    assert "iframe" not in shown(admin_client, f"{view_url(sequence, 'step')}?number=1")
    assert admin_client.get(f"{view_url(sequence, 'step-mail')}?number=1").status_code == 404


@pytest.mark.parametrize(
    "address",
    [
        "flow/?version=9", "flow/?version=x", "flow/?version=", "flow/?version=-1",
        "flow/?version=99999999999999999999", "step/", "step/?number=0", "step/?number=7",
        "step/?number=1&version=9", "step/?number=٣", "step-mail/?number=", "compare/",
        "compare/?old=1", "compare/?old=1&new=9", "compare/?old=1%00&new=1",
    ],
)  # fmt: skip
def test_what_is_not_there_is_not_found(
    admin_client: Client, branched: Sequence, address: str
) -> None:
    start = page_url(branched).removesuffix("flow/")

    assert admin_client.get(start + address).status_code == 404


def test_an_earlier_version_is_read_without_buttons(
    admin_client: Client, branched: Sequence
) -> None:
    enrolled(branched)
    new_version(branched, {"type": "exit", "id": "out"})

    answer = admin_client.get(f"{page_url(branched)}?version=1")

    page = answer.content.decode()
    assert "Version 1, to read" in page
    assert answer.context["flow"].boxes[0].here == "1 here now"
    assert not answer.context["buttons"]
    assert "compare/?old=1&amp;new=2" in page


def test_versions_say_who_made_them_and_who_is_under_way(
    admin_client: Client, admin_user: User, branched: Sequence
) -> None:
    for _ in range(2):
        enrollment = enrolled(branched)
    enrolled(branched, status=Enrollment.Status.COMPLETED)
    new_version(branched, {"type": "exit", "id": "out"})
    LogEntry.objects.create(
        user=admin_user,
        content_type=ContentType.objects.get_for_model(Sequence),
        object_id=str(branched.pk),
        object_repr="Welcome",
        action_flag=CHANGE,
        change_message="Edited; version 2 is current",
    )
    now = timezone.now()
    SequenceVersion.objects.filter(sequence=branched, number=2).update(created_at=now)
    LogEntry.objects.update(action_time=now + timedelta(seconds=1))

    answer = admin_client.get(view_url(branched, "versions"))

    second, first = answer.context["lines"]
    assert (first["maker"], second["maker"]) == ("", admin_user.get_username())
    assert (first["under_way"], second["under_way"]) == ("2", "0")
    rows = admin_client.get(first["people_address"]).context["cl"].result_list
    assert {row.version_id for row in rows} == {enrollment.version_id}
    assert len(rows) == 2
    assert "compare/?old=1&amp;new=2" in answer.content.decode()


def test_versions_are_compared_step_by_step(admin_client: Client, workspace: Workspace) -> None:
    words = ("One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine")
    long = "".join(f"<p>{word}</p>" for word in words)
    sequence = make_sequence(
        workspace,
        {**MAIL, "id": "mail", "html": long, "isTransactional": True},
        {"type": "delay", "id": "nap", "days": 2},
        {"type": "update_tags", "id": "tags", "add": ["vip"]},
        {"type": "exit", "id": "out"},
    )
    enrolled(sequence)
    new_version(
        sequence,
        {"type": "update_tags", "id": "tags", "add": ["vip"]},
        {**MAIL, "id": "mail", "subject": "Hi", "html": long.replace("Six", "6")},
        {"type": "delay", "id": "nap", "mode": "until_weekday", "days": ["monday"]},
        {"type": "wait_for_event", "id": "wait", "eventName": "paid"},
    )

    answer = admin_client.get(f"{view_url(sequence, 'compare')}?old=1&new=2")

    changes = {each.title: each for each in answer.context["comparison"].steps}
    mail = changes["Email “Hi”"]
    fields = {each.label: each for each in mail.fields}
    assert (mail.kind, mail.number) == ("changed", 2)
    assert (fields["Subject"].old, fields["Subject"].new) == ("Hello", "Hi")
    assert (fields["Transactional"].old, fields["Transactional"].new) == ("yes", "no")
    assert [(line.kind, line.text) for line in fields["Body"].lines] == [
        ("same", "<p>Four</p>"), ("same", "<p>Five</p>"),
        ("removed", "<p>Six</p>"), ("added", "<p>6</p>"), ("same", "<p>Seven</p>"),
        ("same", "<p>Eight</p>"),
    ]  # fmt: skip
    assert (changes["Tags: add vip"].moved_from, changes["Tags: add vip"].fields) == (3, ())
    assert changes["End here"].kind == "removed"
    assert changes["Wait for paid, at most 7 days, then go on"].kind == "added"
    nap = next(each for each in changes.values() if each.number == 3)
    assert nap.fields[0].label == "Kind"
    assert "<ins>&lt;p&gt;6&lt;/p&gt;</ins>" in answer.content.decode()


def test_a_changed_sender_and_window_are_named(admin_client: Client, workspace: Workspace) -> None:
    sequence = make_sequence(workspace, MAIL, fromName="Mia")
    enrolled(sequence)
    window = {"days": ["monday", "tuesday"], "startTime": "09:00", "endTime": "17:00"}
    new_version(sequence, MAIL, fromName="Ada", sendingWindow=window)

    answer = admin_client.get(f"{view_url(sequence, 'compare')}?old=1&new=2")

    general = {each.label: (each.old, each.new) for each in answer.context["comparison"].general}
    assert general["From, name"] == ("Mia", "Ada")
    assert general["Only in a sending window"] == ("no", "yes")
    assert general["Days"][1] == "Monday, Tuesday"
    assert "These versions are the same." in compared(admin_client, sequence, 2, 2)


def test_the_file_is_the_one_that_imports_read(admin_client: Client, branched: Sequence) -> None:
    answer = admin_client.get(view_url(branched, "export"))

    (element,) = files.load(answer.content)
    assert element["name"] == "Welcome"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{branched.key}.yaml"'


def test_who_may_only_look_has_no_button_and_no_file(branched: Sequence) -> None:
    client = viewer()

    for name in ("flow", "versions", "activating", "pausing", "archiving"):
        page = shown(client, view_url(branched, name))
        assert "csrfmiddlewaretoken" not in page.partition('id="content-main"')[2]
    assert client.get(view_url(branched, "export")).status_code == 403
    assert client.post(admin_url(branched), {}).status_code == 403
    assert client.get(admin_url(branched), follow=True).redirect_chain == [("../flow/", 302)]
    assert shown(client, f"{view_url(branched, 'step')}?number=1")


def test_saving_shows_the_flow(admin_client: Client, workspace: Workspace) -> None:
    fields = {
        "workspace": workspace.pk, "name": "New", "trigger": "manual", "steps-count": 0,
        "enrollment_mode": "unlimited",
    }  # fmt: skip

    answer = admin_client.post(list_url(Sequence) + "add/", fields)

    page = shown(admin_client, answer.headers["Location"])
    assert answer.headers["Location"] == page_url(Sequence.objects.get())
    assert "No steps yet." in page
    assert "New is a draft: activate it when it is ready." in page
    assert "was added successfully" not in page


@pytest.mark.parametrize("name", ["flow", "versions"])
def test_a_page_costs_the_same_with_more_of_everything(
    admin_client: Client, branched: Sequence, name: str
) -> None:
    enrolled(branched)
    new_version(branched, MAIL)
    address = view_url(branched, name)

    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            shown(admin_client, address)
        counting = [each["sql"] for each in queries if "COUNT(" in each["sql"].upper()]
        assert all("LIMIT 2000" in each for each in counting)
        return len(queries)

    count()
    few = count()
    for number in range(3):
        for _ in range(2):
            enrolled(branched)
        new_version(branched, *([{**MAIL, "html": f"<p>{number}</p>"}] * (number + 2)))

    assert count() == few
    assert few <= 24
