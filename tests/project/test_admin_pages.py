"""Every admin page opens, for staff only, in queries that do not grow with the rows."""

import pytest
from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Group, User
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.timezone import now

from config.admin_base import BaseAdmin, admin_url, list_url
from config.sign_in.models import SignIn
from events.models import (
    AudienceEnrollment,
    Enrollment,
    Event,
    EventDefinition,
    FailedStage,
    Sequence,
    SyncRule,
    Worker,
)
from subscribers.models import (
    ApiKey,
    ConsentRecord,
    ImportRun,
    Installation,
    List,
    MailFlow,
    OutgoingEmail,
    Segment,
    Subscriber,
    Suppression,
    Tag,
    Workspace,
)
from tests import factories

PAGES: list[type[Model]] = [
    ApiKey, AudienceEnrollment, ConsentRecord, Enrollment, Event, EventDefinition, FailedStage,
    Group, ImportRun, Installation, List, LogEntry, MailFlow, OutgoingEmail, Segment, Sequence,
    SignIn, Subscriber, Suppression, SyncRule, Tag, User, Worker, Workspace,
]  # fmt: skip


def make_row(model: type[Model], number: int) -> Model:  # noqa: PLR0911 - a kind of row each
    """Make a row with everything that its page looks at."""
    if model is LogEntry:
        user = User.objects.create(username=f"somebody-{number}")
        kind = ContentType.objects.get_for_model(Tag)
        return LogEntry.objects.create(
            user=user, content_type=kind, object_id="1", object_repr="tag", action_flag=CHANGE
        )
    if model is Group:
        return Group.objects.create(name=f"group-{number}")
    if model is Installation:
        return Installation.objects.update_or_create(pk=1, defaults={"on_hold_since": now()})[0]
    if model is User:
        return User.objects.create(username=f"user-{number}")
    if model is SyncRule:
        return factories.SyncRuleTagFactory.create().rule
    if model is Enrollment:
        event = factories.EventFactory.create()
        run = factories.StepRunFactory.create(
            enrollment__subscriber=event.subscriber,
            enrollment__version__workspace=event.workspace,
            enrollment__started_by=event,
        )
        return run.enrollment
    if model is OutgoingEmail:
        email = factories.OutgoingEmailFactory.create(html="<p>Hello</p>")
        factories.StepRunFactory.create(email=email)
        return email
    if model is Subscriber:
        event = factories.EventFactory.create()
        factories.EnrollmentFactory.create(subscriber=event.subscriber)
        factories.OutgoingEmailFactory.create(subscriber=event.subscriber)
        factories.SubscriberTagFactory.create(subscriber=event.subscriber)
        factories.ListMembershipFactory.create(subscriber=event.subscriber)
        factories.ConfirmationFactory.create(subscriber=event.subscriber)
        factories.ConsentRecordFactory.create(subscriber=event.subscriber)
        return event.subscriber
    row: Model = getattr(factories, f"{model.__name__}Factory").create()
    return row


@pytest.fixture
def operator(admin_client: Client) -> Client:
    """A signed-in superuser."""
    # What Django looks up once and keeps must not count for one page and not for the next.
    admin_client.get(reverse("admin:index"))
    return admin_client


def count_queries(client: Client, address: str) -> int:
    """Open a page and return how many queries it took."""
    with CaptureQueriesContext(
        connection,
    ) as queries:
        answer = client.get(address)
        assert answer.status_code == 200, answer
    assert not [each["sql"] for each in queries if "COUNT(" in each["sql"].upper()]
    return len(queries)


def test_the_list_of_pages_is_what_is_registered() -> None:
    assert set(admin.site._registry) == set(PAGES)
    assert all(isinstance(admin.site._registry[model], BaseAdmin) for model in PAGES)


def test_the_index_opens(operator: Client) -> None:
    answer = operator.get("/admin/")

    assert answer.status_code == 200
    assert b"Cueline" in answer.content


@pytest.mark.parametrize("model", PAGES)
def test_a_list_costs_the_same_with_many_rows(operator: Client, model: type[Model]) -> None:
    make_row(model, 0)
    with_one = count_queries(operator, list_url(model))
    for number in range(1, 6):
        make_row(model, number)

    with_six = count_queries(operator, list_url(model))

    # A second workspace makes the filter by workspace appear: one query more.
    assert with_one <= with_six <= with_one + 1
    assert with_six <= 8


@pytest.mark.parametrize("model", PAGES)
def test_every_row_has_its_page_and_its_history(operator: Client, model: type[Model]) -> None:
    row = make_row(model, 0)

    answer = operator.get(admin_url(row))
    history = operator.get(admin_url(row).replace("/change/", "/history/"))

    assert answer.status_code == 200
    assert history.status_code == 200


@pytest.mark.parametrize(
    "model",
    [
        ApiKey,
        AudienceEnrollment,
        Group,
        List,
        Segment,
        Sequence,
        Suppression,
        SyncRule,
        Tag,
        User,
        Workspace,
    ],
)
def test_the_form_for_a_new_row_opens(operator: Client, model: type[Model]) -> None:
    answer = operator.get(list_url(model) + "add/")

    assert answer.status_code == 200


@pytest.mark.parametrize(
    "model",
    [
        ConsentRecord,
        Enrollment,
        Event,
        EventDefinition,
        FailedStage,
        LogEntry,
        OutgoingEmail,
        SignIn,
        Subscriber,
        Worker,
    ],
)
def test_what_the_engine_owns_is_not_made_by_hand(operator: Client, model: type[Model]) -> None:
    assert operator.get(list_url(model) + "add/").status_code == 403
    assert operator.post(list_url(model) + "add/", {}).status_code == 403


@pytest.mark.parametrize(
    "model",
    [
        AudienceEnrollment,
        ConsentRecord,
        Enrollment,
        Event,
        FailedStage,
        ImportRun,
        LogEntry,
        OutgoingEmail,
        SignIn,
        Subscriber,
        Suppression,
        Worker,
    ],
)
def test_what_the_engine_owns_is_not_changed_by_hand(operator: Client, model: type[Model]) -> None:
    row = make_row(model, 0)

    assert operator.post(admin_url(row), {}).status_code == 403


@pytest.mark.parametrize(
    "model",
    [
        ApiKey,
        AudienceEnrollment,
        ConsentRecord,
        Enrollment,
        Event,
        EventDefinition,
        FailedStage,
        LogEntry,
        OutgoingEmail,
        Sequence,
        SignIn,
        Subscriber,
        Suppression,
        User,
        Worker,
        Workspace,
    ],
)
def test_what_others_hold_on_to_is_not_deleted(operator: Client, model: type[Model]) -> None:
    row = make_row(model, 0)

    answer = operator.post(admin_url(row).replace("/change/", "/delete/"), {"post": "yes"})

    assert answer.status_code == 403
    assert model._default_manager.filter(pk=row.pk).exists()


@pytest.mark.parametrize("model", PAGES)
def test_nobody_looks_in_without_signing_in(client: Client, db: None, model: type[Model]) -> None:
    answer = client.get(list_url(model))

    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/admin/login/")


@pytest.mark.parametrize("model", PAGES)
def test_staff_without_the_permission_see_nothing(
    client: Client, model: type[Model], db: None
) -> None:
    client.force_login(User.objects.create(username="intern", is_staff=True))

    assert client.get(list_url(model)).status_code == 403
