"""The database is away: a 503 that is safe to repeat, never a 500."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import psycopg
import pytest
from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.test import Client

from events.intake.payloads import EventDraft, Limits, RejectedEvent
from events.models import Event
from events.services.database_faults import OutcomeUnknown, Unavailable
from events.services.ingestion import ingest, many_people
from events.services.ingestion.many_people import ImportRequest, PersonEvent
from events.services.ingestion.recording import Failed, Recorded
from events.services.ingestion.request import IngestRequest
from subscribers.models import Subscriber, Workspace
from subscribers.services.consent import links, unsubscribing
from subscribers.services.workspaces import workspaces
from subscribers.wire import addresses
from subscribers.wire.payloads import Fault, Person
from tests import factories
from tests.conftest import new_caller
from tests.support.calling import BULK, Caller

pytestmark = [pytest.mark.postgresql, pytest.mark.django_db(transaction=True)]
BODY = {"email": "a@example.com", "events": [{"name": "a"}]}


@contextmanager
def database_unreachable() -> Iterator[None]:
    """Point the connection at a port where nobody listens."""
    connection.close()
    port = connection.settings_dict["PORT"]
    connection.settings_dict["PORT"] = "1"
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["PORT"] = port


@pytest.fixture
def application() -> Caller:
    return new_caller(workspaces.create(name="Acme"))


def test_a_request_without_a_database_is_unavailable_and_can_be_repeated(
    application: Caller,
) -> None:
    with database_unreachable():
        away = application.post(BULK, BODY)
        ready = application.get("/readyz")
        alive = application.get("/healthz")
    back = application.post(BULK, BODY)

    assert away.status == 503
    assert away.code == "UNAVAILABLE"
    assert int(away.headers["Retry-After"]) > 0
    assert "outcome" not in away.json
    assert (ready.status, alive.status) == (503, 200)
    assert back.status == 200
    assert Event.objects.count() == 1


def a_request(workspace: Workspace, *, event_id: str | None = None) -> IngestRequest:
    now = datetime.now(tz=UTC)
    limits = Limits(
        events=500,
        properties_bytes=65536,
        attributes_bytes=65536,
        definitions=5000,
        history_after=timedelta(hours=1),
        oldest=timedelta(days=1),
        furthest_ahead=timedelta(minutes=5),
    )
    return IngestRequest(
        workspace=workspace,
        person=Person(email=addresses.parse("a@example.com"), external_id=None, attributes={}),
        events=[
            EventDraft(
                name="a", properties={}, occurred_at=now, event_id=event_id, is_historical=False
            )
        ],
        limits=limits,
        now=now,
    )


def end_my_backend(*, after_commit: bool) -> None:
    """Cut the connection under the transaction; the rows are stored first where asked."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (backend,) = cursor.fetchone()
        if after_commit:
            # The server commits; the client only sees its connection break.
            cursor.execute("COMMIT")
            cursor.execute("SELECT 1")
    parameters = connection.get_connection_params()
    parameters = {key: parameters[key] for key in ("dbname", "user", "host", "port")}
    with psycopg.connect(**parameters, autocommit=True) as killer:
        killer.execute("SELECT pg_terminate_backend(%s, 5000)", [backend])


def test_an_import_of_which_nothing_was_recorded_can_be_repeated(application: Caller) -> None:
    one = a_request(application.workspace, event_id="1")
    wrong = RejectedEvent(name=None, fault=Fault("name", "is missing."))
    good = [PersonEvent(one.person, each) for each in one.events if isinstance(each, EventDraft)]
    request = ImportRequest(
        workspace=one.workspace, events=[wrong, *good], limits=one.limits, now=one.now
    )

    with database_unreachable(), pytest.raises(Unavailable):
        many_people.record(request)
    back = many_people.record(request)

    assert [type(outcome) for outcome in back.outcomes] == [Failed, Recorded]


def test_a_connection_lost_before_the_commit_leaves_nothing(application: Caller) -> None:
    request = a_request(application.workspace)

    with pytest.raises(Unavailable):
        ingest.record(request, before_commit=lambda _: end_my_backend(after_commit=False))

    assert not Event.objects.exists()
    assert not Subscriber.objects.exists()


def test_a_connection_lost_during_the_commit_is_looked_up(application: Caller) -> None:
    request = a_request(application.workspace)

    result = ingest.record(request, before_commit=lambda _: end_my_backend(after_commit=True))

    assert result.is_complete
    assert Event.objects.count() == 1


def test_a_commit_that_cannot_be_looked_up_is_of_unknown_outcome(application: Caller) -> None:
    request = a_request(application.workspace)

    def lose_everything(_: ingest.IngestResult) -> None:
        end_my_backend(after_commit=True)
        connection.settings_dict["PORT"] = "1"

    port = connection.settings_dict["PORT"]
    try:
        with pytest.raises(OutcomeUnknown):
            ingest.record(request, before_commit=lose_everything)
    finally:
        connection.close()
        connection.settings_dict["PORT"] = port

    assert Event.objects.count() == 1


def test_a_deadlock_is_done_again(application: Caller) -> None:
    attempts = []

    def give_up_once(_: ingest.IngestResult) -> None:
        attempts.append(1)
        if len(attempts) == 1:
            with connection.cursor() as cursor:
                cursor.execute("DO $$ BEGIN RAISE SQLSTATE '40P01'; END $$")

    ingest.record(a_request(application.workspace), before_commit=give_up_once)

    assert len(attempts) == 2
    assert Event.objects.count() == 1
    assert not transaction.get_connection().in_atomic_block


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/admin/"),
        ("GET", "/admin/subscribers/subscriber/"),
        ("POST", "/admin/login/"),
        ("GET", "/c/{token}"),
        ("POST", "/c/{token}"),
        ("GET", "/u/{token}"),
        ("POST", "/u/{token}"),
        ("GET", "/nowhere"),
        ("GET", "/docs/"),
        ("GET", "/api/docs/"),
        ("GET", "/api/v1/openapi.json"),
    ],
)
def test_no_page_fails_without_a_database(method: str, path: str) -> None:
    confirmation = factories.ConfirmationFactory.create()
    tokens = {
        "/c/": links.token(confirmation, datetime.now(tz=UTC)),
        "/u/": unsubscribing.link_token(confirmation.subscriber),
    }
    client = Client(raise_request_exception=False)
    client.force_login(get_user_model().objects.create_superuser("ada"))
    address = path.format(token=tokens.get(path[:3], ""))
    form = {"username": "ada", "password": "x", "by": "button", "List-Unsubscribe": "One-Click"}

    with database_unreachable():
        answer = client.generic(
            method, address, urlencode(form), content_type="application/x-www-form-urlencoded"
        )

    if path in {"/nowhere", "/docs/", "/api/docs/", "/api/v1/openapi.json"}:
        assert answer.status_code in {200, 404}
        return
    assert answer.status_code == 503
    assert int(answer["Retry-After"]) > 0
    assert "Please try again" in answer.content.decode()
