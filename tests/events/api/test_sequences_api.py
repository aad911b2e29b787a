"""`/sequences` and their enrollments: read, switched, begun, held and ended."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from events.language.steps.kinds import KINDS
from events.language.steps.node_types import NODE_TYPES
from events.models import Enrollment, Sequence, Step
from events.services.counts import current
from subscribers.api import totals
from tests import factories
from tests.support.calling import Caller
from tests.support.resources import PEOPLE, done, path_of_fault, send
from tests.support.sequence_making import make_sequence

pytestmark = pytest.mark.django_db
SEQUENCES = "/api/v1/sequences"
MAIL = {"type": "email", "id": "hello", "subject": "Hello", "text": "Hi {{unsubscribeUrl}}"}
STEPS = (
    {"type": "delay", "id": "wait", "days": 2},
    MAIL,
    {
        "type": "condition", "id": "is-vip", "rules": [{"type": "tag", "tag": "vip"}],
        "onFalse": "end",
    },
    {
        "type": "webhook", "id": "call", "url": "https://example.com/hook",
        "headers": {"Authorization": "Bearer secret"},
    },
    {"type": "exit", "id": "end"},
)  # fmt: skip


@pytest.fixture
def welcome(caller: Caller) -> str:
    """Return where an active sequence is."""
    row = make_sequence(caller.workspace, *STEPS, name="Welcome", labels=["trial"])
    return f"{SEQUENCES}/{row.public_id}"


def enroll(caller: Caller, path: str, *emails: str) -> None:
    for email in emails:
        caller.post(PEOPLE, {"email": email})
    done(caller.post(f"{path}/enroll", {"emails": list(emails)}))


def test_a_sequence_is_read_with_nodes_and_edges(caller: Caller, welcome: str) -> None:
    read = done(caller.get(welcome))["sequence"]

    assert (read["name"], read["trigger"], read["effectiveStatus"]) == (
        "Welcome", "event_received", "live",
    )  # fmt: skip
    assert read["triggerConfig"] == {"eventName": "signup"}
    assert [(each["id"], each["nodeType"]) for each in read["nodes"]] == [
        ("trigger", "trigger"),
        ("wait", "logic_delay"),
        ("hello", "action_email"),
        ("is-vip", "logic_condition"),
        ("call", "action_webhook"),
        ("end", "exit"),
    ]
    edges = {
        (each["sourceNodeId"], each["targetNodeId"]): each["condition"] for each in read["edges"]
    }
    assert edges == {
        ("trigger", "wait"): None,
        ("wait", "hello"): None,
        ("hello", "is-vip"): None,
        ("is-vip", "call"): {"branch": "yes"},
        ("is-vip", "end"): {"branch": "no"},
        ("call", "end"): None,
    }
    (mail,) = read["emails"]
    assert (mail["subject"], mail["delayMs"], mail["stepNumber"]) == ("Hello", 172_800_000, 1)
    assert "secret" not in str(read)


def test_a_node_has_one_type_wherever_it_is_answered(caller: Caller, welcome: str) -> None:
    enroll(caller, welcome, "ada@example.com")
    row = Enrollment.objects.get()
    nodes = done(caller.get(welcome))["sequence"]["nodes"]
    type_by_node = {each["id"]: each["nodeType"] for each in nodes if each["id"] != "trigger"}

    for step in Step.objects.filter(version__sequence=row.sequence):
        Enrollment.objects.update(step=step)
        factories.StepRunFactory.create(enrollment=row, step=step)
        (listed,) = done(caller.get(f"{welcome}/enrollments"))["enrollments"]
        person = done(caller.get(f"{PEOPLE}/ada@example.com"))["subscriber"]
        now = [listed, person["sequenceEnrollments"][0]]
        assert [each["currentNodeType"] for each in now] == [type_by_node[step.key]] * 2

    history = done(caller.get(f"{welcome}/enrollments/{row.public_id}"))["nodeHistory"]
    lines = done(caller.get(f"{PEOPLE}/ada@example.com/timeline?show=sequences"))["timeline"]
    of_steps = [each["details"] for each in lines if "nodeType" in each["details"]]
    for past in (history, of_steps):
        assert {each["nodeId"]: each["nodeType"] for each in past} == type_by_node


def test_every_kind_of_step_has_a_type() -> None:
    assert set(NODE_TYPES) == set(KINDS)


def test_sequences_are_listed_by_status_search_and_label(caller: Caller, welcome: str) -> None:
    make_sequence(caller.workspace, name="Draft", is_active=False)

    def names(query: str = "") -> list[str]:
        return [each["name"] for each in done(caller.get(SEQUENCES + query))["sequences"]]

    assert names() == ["Draft", "Welcome"]
    assert names("?status=draft") == names("?search=draf") == ["Draft"]
    assert names("?label=trial") == names("?labels=x,trial") == ["Welcome"]
    assert names("?limit=1&offset=1") == ["Welcome"]
    pages = done(caller.get(f"{SEQUENCES}?limit=1"))["pagination"]
    assert pages == {"count": 1, "total": 2, "limit": 1, "offset": 0, "hasMore": True}


def test_the_list_costs_the_same_for_many(caller: Caller) -> None:
    counts = []
    for size in (2, 6):
        for number in range(size):
            make_sequence(caller.workspace, *STEPS, name=f"Sequence {size}-{number}")
        done(caller.get(SEQUENCES))
        with CaptureQueriesContext(connection) as captured:
            done(caller.get(SEQUENCES))
        counts.append(len(captured))

    assert counts[0] == counts[1]


def test_it_is_switched_on_and_off(caller: Caller) -> None:
    row = make_sequence(caller.workspace, MAIL, is_active=False)
    path = f"{SEQUENCES}/{row.public_id}"
    said = [
        done(caller.post(f"{path}/{word}", b""))["effectiveStatus"]
        for word in ("enable", "pause-enrollments", "resume-enrollments", "disable")
    ]
    archived = done(caller.post(f"{path}/archive", b""))["sequence"]
    back = done(caller.post(f"{path}/unarchive", b""))["sequence"]

    assert said == ["live", "enrollment_paused", "live", "paused"]
    assert (archived["status"], back["status"]) == ("archived", "draft")


def test_what_is_not_ready_says_what_is_missing(caller: Caller) -> None:
    row = make_sequence(caller.workspace, MAIL, is_active=False, fromEmail="")
    caller.workspace.from_email = ""
    caller.workspace.save()

    refused = caller.post(f"{SEQUENCES}/{row.public_id}/enable", b"")

    assert (refused.status, refused.code) == (400, "VALIDATION_ERROR")
    assert "from address" in refused.message
    row.refresh_from_db()
    assert row.status == "draft"


def test_a_copy_is_a_draft(caller: Caller, welcome: str) -> None:
    copied = done(caller.post(f"{welcome}/duplicate", {"name": "Trial"}))
    unnamed = done(caller.post(f"{welcome}/duplicate", {}))

    assert (copied["sequence"]["name"], copied["sequence"]["status"]) == ("Trial", "draft")
    assert unnamed["sequence"]["name"] == "Copy of Welcome"
    assert len(copied["nodes"]) == 6
    assert Sequence.objects.count() == 3


def test_people_are_enrolled_and_each_refusal_has_a_reason(caller: Caller, welcome: str) -> None:
    ada = done(caller.post(PEOPLE, {"email": "ada@example.com"}))["subscriber"]
    bob = done(caller.post(PEOPLE, {"email": "bob@example.com"}))["subscriber"]
    send(caller, "PATCH", f"{PEOPLE}/bob@example.com", {"status": "unsubscribed"})
    who = {"emails": ["ada@example.com", "x@example.com"], "subscriberIds": [bob["id"]]}

    first = done(caller.post(f"{welcome}/enroll", who))
    again = done(caller.post(f"{welcome}/enroll", who))

    assert (first["enrolled"], first["skipped"], first["notFound"]) == (1, 1, ["x@example.com"])
    assert first["reasons"] == {bob["id"]: "subscriber_unsubscribed"}
    assert again["reasons"][ada["id"]] == "already_enrolled"
    assert Enrollment.objects.count() == 1


def test_people_can_begin_at_a_step(caller: Caller, welcome: str) -> None:
    caller.post(PEOPLE, {"email": "ada@example.com"})
    body = {"emails": ["ada@example.com"]}

    done(caller.post(f"{welcome}/enroll", {**body, "targetNodeId": "hello"}))
    wrong = caller.post(f"{welcome}/enroll", {**body, "targetNodeId": "nowhere"})

    assert Enrollment.objects.values_list("step__key").get() == ("hello",)
    assert wrong.status == 400
    assert "nowhere" in wrong.message


def test_enrollments_are_listed_and_read(caller: Caller, welcome: str) -> None:
    enroll(caller, welcome, "ada@example.com", "bob@example.com")

    def emails(query: str = "") -> list[str]:
        body = done(caller.get(f"{welcome}/enrollments{query}"))
        return [each["email"] for each in body["enrollments"]]

    assert emails() == ["bob@example.com", "ada@example.com"]
    assert emails("?sort=enrolled_at_asc&limit=1") == ["ada@example.com"]
    assert emails("?email=bob@example.com&currentNodeId=wait,hello") == ["bob@example.com"]
    assert emails("?status=completed,failed") == []
    (one, _) = done(caller.get(f"{welcome}/enrollments"))["enrollments"]
    read = done(caller.get(f"{welcome}/enrollments/{one['enrollmentId']}"))
    assert read["enrollment"] == one
    assert (one["currentNodeId"], one["enteredVia"]["kind"]) == ("wait", "manual")
    assert (read["nodeHistory"], read["historySource"]) == ([], "none")


def test_pausing_and_resuming_restore_the_wait(caller: Caller, welcome: str) -> None:
    enroll(caller, welcome, "ada@example.com")
    caller.post(PEOPLE, {"email": "bob@example.com"})
    who = {"emails": ["ada@example.com", "bob@example.com", "x@example.com"]}
    due_at = Enrollment.objects.get().due_at

    paused = done(caller.post(f"{welcome}/enrollments/pause", {**who, "reason": "by phone"}))
    again = done(caller.post(f"{welcome}/enrollments/pause", who))
    held = Enrollment.objects.get()
    resumed = done(caller.post(f"{welcome}/enrollments/resume", who))

    assert (paused["pausedCount"], again["alreadyPausedCount"]) == (1, 1)
    assert paused["enrollments"][0]["outcome"] == "paused"
    assert [each["email"] for each in paused["notEnrolled"]] == ["bob@example.com"]
    assert paused["notFound"] == {"emails": ["x@example.com"], "subscriberIds": []}
    assert (held.status, held.reason, held.due_at) == ("paused", "by phone", None)
    assert (resumed["resumedCount"], resumed["sequenceRunning"]) == (1, True)
    assert [each["message"] for each in (paused, again, resumed)] == [
        "1 enrollment is paused now.", "0 enrollments are paused now.",
        "1 enrollment goes on now.",
    ]  # fmt: skip
    row = Enrollment.objects.get()
    assert (row.status, row.due_at, row.reason) == ("active", due_at, "")


def test_cancelling_is_tried_first(caller: Caller, welcome: str) -> None:
    enroll(caller, welcome, "ada@example.com", "bob@example.com")
    ada = done(caller.get(f"{PEOPLE}/ada@example.com"))["subscriber"]["id"]
    one = {"subscriberIds": [ada, "sub_" + "0" * 32]}

    tried = done(caller.post(f"{welcome}/enrollments/cancel", {"cancelAll": True}))
    some = done(caller.post(f"{welcome}/enrollments/cancel", {**one, "dryRun": False}))
    rest = done(caller.post(f"{welcome}/enrollments/cancel", {"cancelAll": True, "dryRun": False}))

    assert (tried["matchedCount"], tried["cancelledCount"], tried["dryRun"]) == (2, 0, True)
    assert (some["cancelledCount"], some["target"]["notFoundSubscriberIds"]) == (
        1, ["sub_" + "0" * 32],
    )  # fmt: skip
    assert (rest["matchedCount"], rest["cancelledCount"], rest["hasMore"]) == (1, 1, False)
    assert set(Enrollment.objects.values_list("status", flat=True)) == {"cancelled"}


@pytest.fixture
def orders(caller: Caller) -> str:
    """Return where a sequence is that Ada is in with the orders 7 and A, and Bob with 7."""
    row = make_sequence(
        caller.workspace,
        *STEPS,
        name="Orders",
        enrollmentMode="matching_field",
        enrollmentFieldPath="order.id",
    )
    for email, value in (("ada@example.com", 7), ("ada@example.com", "A"), ("bob@example.com", 7)):
        caller.bulk({"name": "signup", "properties": {"order": {"id": value}}}, email=email)
    return f"{SEQUENCES}/{row.public_id}/enrollments/cancel"


def test_enrollments_are_cancelled_by_the_value_that_keeps_them_apart(
    caller: Caller, orders: str
) -> None:
    one = {"fieldValues": [7.0, " 7", "B"], "fieldPath": "order.id"}

    tried = done(caller.post(orders, one))
    cancelled = done(caller.post(orders, {**one, "dryRun": False}))

    assert (tried["matchedCount"], tried["cancelledCount"]) == (2, 0)
    assert [each["enrollmentKey"] for each in cancelled["enrollments"]] == ["7", "7"]
    assert cancelled["target"] == {"notFoundSubscriberIds": [], "notFoundFieldValues": ["B"]}
    assert Enrollment.objects.get(status="active").entry_key == "A"


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"fieldValues": ["7"], "fieldPath": "order.number"}, "fieldPath"),
        ({"cancelAll": True, "fieldPath": "order.id"}, "fieldPath"),
        ({"fieldValues": ["7"], "cancelAll": True}, "cancelAll"),
        ({"fieldValues": [["7"]]}, "fieldValues[0]"),
        ({"fieldValues": ["a\x00"]}, "fieldValues[0]"),
        ({"fieldValues": ["x" * 256]}, "fieldValues[0]"),
        ({"fieldValues": [str(each) for each in range(501)]}, "fieldValues"),
    ],
    ids=["another-path", "no-values", "two-ways", "a-list", "control", "long", "many"],
)
def test_faulty_values_cancel_nothing(
    caller: Caller, orders: str, body: dict[str, object], path: str
) -> None:
    refused = caller.post(orders, {**body, "dryRun": False})

    assert path_of_fault(refused) == path
    assert Enrollment.objects.filter(status="active").count() == 3


def test_values_need_a_sequence_that_keeps_enrollments_apart(caller: Caller, welcome: str) -> None:
    refused = caller.post(f"{welcome}/enrollments/cancel", {"fieldValues": ["7"]})

    assert path_of_fault(refused) == "fieldValues"
    assert "matching_field" in refused.message


def test_beyond_what_is_counted_a_total_is_the_worker_s_or_null(
    caller: Caller, welcome: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    enroll(caller, welcome, "ada@example.com", "bob@example.com")
    every = f"{welcome}/enrollments?status={','.join(Enrollment.UNDER_WAY)}"
    monkeypatch.setattr(totals, "MOST_COUNTED", 1)

    def totals_of(*paths: str) -> list[object]:
        return [done(caller.get(path))["pagination"]["total"] for path in paths]

    before = totals_of(every)
    current.count_due(now=timezone.now())
    after = totals_of(every, f"{welcome}/enrollments", f"{every}&email=ada@example.com")
    tried = done(caller.post(f"{welcome}/enrollments/cancel", {"cancelAll": True}))

    assert before == [None]
    assert after == [2, None, 1]
    assert (tried["matchedCount"], tried["remainingCount"], tried["hasMore"]) == (2, 2, False)


def test_many_take_as_many_statements_as_few(caller: Caller, welcome: str) -> None:
    """A list's members, and enrollments begun, paused, resumed and cancelled."""
    news = done(caller.post("/api/v1/lists", {"name": "News"}))["list"]["id"]
    members = f"/api/v1/lists/{news}/subscribers"
    counts: dict[str, list[int]] = {}
    # The first finds out what is found out once. SQLite takes more rows in several statements.
    for size in (1, 3, 20):
        emails = [f"p{size}-{number}@example.com" for number in range(size)]
        people = [
            factories.SubscriberFactory.create(workspace=caller.workspace, email=email).public_id
            for email in emails
        ]
        for path, body in (
            (members, {"emails": [*emails, *(f"new-{email}" for email in emails)]}),
            (f"{members}/remove", {"emails": emails}),
            (f"{welcome}/enroll", {"emails": emails}),
            (f"{welcome}/enrollments/pause", {"emails": emails}),
            (f"{welcome}/enrollments/resume", {"emails": emails}),
            (f"{welcome}/enrollments/cancel", {"subscriberIds": people, "dryRun": False}),
        ):
            with CaptureQueriesContext(connection) as captured:
                done(caller.post(path, body))
            counts.setdefault(path, []).append(len(captured))

    assert {path: few for path, (_, few, _) in counts.items()} == {
        path: many for path, (_, _, many) in counts.items()
    }


def test_a_simulation_writes_nothing(caller: Caller, welcome: str) -> None:
    told = done(caller.get(f"{welcome}/simulate?email=new@example.com"))

    assert (told["sendsMail"], told["readiness"]["ready"]) == (False, True)
    assert told["enrollment"]["wouldEnter"] is True
    assert len(told["path"]["steps"]) == 4
    assert not Enrollment.objects.exists()


@pytest.mark.parametrize(
    ("method", "end", "body", "path"),
    [
        ("GET", "/simulate", None, "email"),
        ("GET", "/simulate?email=a@example.com&subscriberId=sub_1", None, "email"),
        ("GET", "/simulate?email=nonsense", None, "email"),
        ("GET", "/enrollments?status=gone", None, "status"),
        ("GET", "/enrollments?limit=501", None, "limit"),
        ("GET", "/enrollments?sort=up", None, "sort"),
        ("POST", "/enroll", {}, "emails"),
        (
            "POST",
            "/enrollments/pause",
            {"emails": ["a@example.com"], "reason": "sequence_paused"},
            "reason",
        ),
        ("POST", "/enrollments/cancel", {}, "cancelAll"),
        ("POST", "/enrollments/pause", {"emails": ["a@example.com"], "reason": ""}, "reason"),
    ],
)
def test_a_fault_names_its_field(
    caller: Caller, welcome: str, method: str, end: str, body: object, path: str
) -> None:
    assert path_of_fault(send(caller, method, welcome + end, body)) == path
