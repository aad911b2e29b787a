"""Who may only look learns no secret from a list's address, and breaks no page with it."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, Permission, User
from django.db.models import Field, Model, Transform
from django.http import QueryDict
from django.test import Client

from config.admin_base import NOT_OFFERED, BaseAdmin, admin_url, list_url
from events.models import AudienceEnrollment, Sequence, SyncRule
from subscribers.models import (
    ApiKey,
    ImportRun,
    List,
    OutgoingEmail,
    Segment,
    Subscriber,
    Suppression,
    Tag,
    Workspace,
)
from tests import factories
from tests.project.test_admin_pages import PAGES, make_row

# Django takes no more fields of one request.
MOST_PARAMETERS = 900
# For each list the columns that no address, search or order may reach.
SECRETS: dict[type[Model], tuple[str, ...]] = {
    Workspace: ("webhook_secret", "address_hash_key"),
    Subscriber: ("unsubscribe_token",),
    ApiKey: ("key_hash",),
    OutgoingEmail: ("html", "text", "headers"),
    User: ("password",),
}
MALFORMED = (
    "o=zzz", "o=1.-2", "p=-1", "p=zzz", "all=", "e=1", "_facets=True", "before=zzz", "before=%00",
    "_to_field=zzz", "_to_field=password", "_changelist_filters=a%3D1%26%00", "id__regex=(",
    "pk__in=x", "zzz=", "%00=1", "__=1", "q__exact=1", "a__b__c=1",
)  # fmt: skip
# Lists with a form for a new row.
ADDED = (
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
)
HANGS = r"(\w*)*(\s*\w*)*(\W*\w*)*@@@@$"


@pytest.fixture
def viewer(client: Client, db: None) -> Client:
    """Signed in as a member of the staff who may see everything and change nothing."""
    person = User.objects.create(username="viewer", is_staff=True)
    person.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    client.force_login(person)
    return client


def lookups_of(field: Any, prefix: str = "") -> Iterator[str]:
    """Yield every lookup of a field, and those of its transforms."""
    for name, lookup in field.get_lookups().items():
        yield f"{prefix}{name}"
        if issubclass(lookup, Transform):
            yield from (f"{prefix}{name}__{more}" for more in ("exact", "gte", "in", "range"))


def columns_of(model: type[Model]) -> Iterator[tuple[str, Any]]:
    """Yield the fields of a model, and those of its relations, forwards and back."""
    for field in model._meta.get_fields():
        if isinstance(field, Field):
            yield field.name, field
        related = field.related_model
        if isinstance(related, type) and issubclass(related, Model):
            yield from ((f"{field.name}__{each.name}", each) for each in related._meta.fields)


def parameters_of(model: type[Model]) -> list[str]:
    """Return every parameter that Django could read as a lookup, bare columns included."""
    found = []
    for path, field in columns_of(model):
        found += [path, f"{path}__pk", *lookups_of(field, f"{path}__")]
    return [*found, "pk", "pk__in", "pk__gt", "pk__startswith"]


def kept(client: Client, address: str) -> set[str]:
    """Open a list, and return the parameters that are left in its address."""
    answer = client.get(address)
    if answer.status_code == 200:
        return set(answer.wsgi_request.GET)
    assert answer.status_code == 302, answer
    path, _, query = answer.headers["Location"].partition("?")
    assert path == address.partition("?")[0]
    return set(QueryDict(query))


def allowed(model: type[Model]) -> set[str]:
    """Return the lookups that a list offers by its filters, and by links from other pages."""
    page = admin.site._registry[model]
    by_filter = {
        f"{each}__{lookup}"
        for each in page.list_filter
        for lookup in ("exact", "id__exact", "isnull")
    }
    by_link = {f"{each.name}__id__exact" for each in model._meta.fields if each.is_relation}
    return by_filter | by_link


@pytest.mark.parametrize("model", PAGES)
def test_no_list_takes_a_lookup_that_its_page_does_not_offer(
    viewer: Client, model: type[Model]
) -> None:
    make_row(model, 0)
    names = [name for name in parameters_of(model) if name not in allowed(model)]

    left = set()
    for start in range(0, len(names), MOST_PARAMETERS):
        part = dict.fromkeys(names[start : start + MOST_PARAMETERS], "1")
        left |= kept(viewer, f"{list_url(model)}?{urlencode(part)}")

    assert len(names) > 50
    assert left == set()


@pytest.mark.parametrize(
    ("model", "column"), [(model, column) for model, found in SECRETS.items() for column in found]
)
def test_no_answer_differs_by_what_a_secret_is(
    viewer: Client, model: type[Model], column: str
) -> None:
    row = make_row(model, 0)
    right = str(getattr(row, column))[:3] or "x"

    for lookup in lookups_of(model._meta.get_field(column), f"{column}__"):
        answers = []
        for value in (right, "zzz"):
            answer = viewer.get(list_url(model), {lookup: value})
            shown = viewer.get(answer.headers.get("Location", list_url(model)))
            answers.append((answer.status_code, answer.headers.get("Location"), shown.status_code))
            assert shown.context["cl"].result_count
        assert answers[0] == answers[1], lookup
        assert answers[0][0] == 302


def test_no_list_searches_sorts_or_filters_by_a_secret() -> None:
    for model, columns in SECRETS.items():
        page = admin.site._registry[model]
        reachable = (*page.search_fields, *page.list_filter, *page.list_display)
        assert not set(columns) & {str(each).lstrip("^=@").split("__")[0] for each in reachable}


def test_every_page_is_of_the_kind_that_takes_offered_lookups_only() -> None:
    assert all(isinstance(page, BaseAdmin) for page in admin.site._registry.values())


@pytest.mark.parametrize("model", PAGES)
def test_a_malformed_address_is_a_notice(viewer: Client, model: type[Model]) -> None:
    for query in MALFORMED:
        assert kept(viewer, f"{list_url(model)}?{query}") == set(), query
    # The first page shown after them says so.
    page = viewer.get(list_url(model))

    assert [str(each) for each in page.context["messages"]] == [NOT_OFFERED] * len(MALFORMED)


@pytest.mark.parametrize("value", ["zzz", "\0", "99999999999999999999"])
@pytest.mark.parametrize("model", PAGES)
def test_a_bad_value_of_an_offered_filter_is_no_fault(
    viewer: Client, model: type[Model], value: str
) -> None:
    make_row(model, 0)

    for name in sorted({*allowed(model), "before", "q"}):
        kept(viewer, f"{list_url(model)}?{urlencode({name: value})}")


@pytest.mark.parametrize("model", PAGES)
def test_the_links_of_a_list_lead_to_what_they_say(viewer: Client, model: type[Model]) -> None:
    make_row(model, 0)
    make_row(model, 1)
    page = viewer.get(list_url(model))

    for spec in page.context["cl"].filter_specs:
        for choice in spec.choices(page.context["cl"]):
            answer = viewer.get(list_url(model) + choice["query_string"])
            assert answer.status_code == 200, choice
    popup = viewer.get(list_url(model), {"_popup": "1", "_to_field": "id", "q": "a"})
    assert popup.status_code == 200


@pytest.mark.parametrize(
    ("model", "query"),
    [
        (OutgoingEmail, {"html__regex": HANGS}),
        (Workspace, {"name__regex": "["}),
        (Sequence, {"name__regex": "["}),
        (ImportRun, {"started_at__year": "9" * 20}),
    ],
)
def test_what_hung_or_broke_the_web_is_a_notice(
    viewer: Client, model: type[Model], query: dict[str, str]
) -> None:
    factories.OutgoingEmailFactory.create(html="<p>a</p>")

    assert kept(viewer, f"{list_url(model)}?{urlencode(query)}") == set()


@pytest.mark.parametrize("model", PAGES)
def test_no_page_of_a_row_breaks_by_its_address(admin_client: Client, model: type[Model]) -> None:
    page = admin_url(make_row(model, 0))
    fields = [field.name for field in model._meta.get_fields()]
    addresses = [page, page.replace("/change/", "/history/"), page.replace("/change/", "/delete/")]
    if model in ADDED:
        addresses.append(list_url(model) + "add/")

    for address in addresses:
        for value in ("zzz", "\0", "9" * 20):
            names = [*fields, "p", "_popup", "_to_field", "_changelist_filters"]
            answer = admin_client.get(address, dict.fromkeys(names, value))
            assert answer.status_code < 500
            assert admin_client.get(address, dict.fromkeys(fields, value)).status_code < 500


# No form uses this view, so no list has an order for it.
@pytest.mark.filterwarnings("ignore::django.core.paginator.UnorderedObjectListWarning")
def test_the_search_of_the_forms_finds_no_secret(viewer: Client) -> None:
    factories.WorkspaceFactory.create(slug="acme", webhook_secret="3b5" + "0" * 61)
    names = {"app_label": "subscribers", "model_name": "apikey", "field_name": "workspace"}

    def find(**more: str) -> Any:
        return viewer.get("/admin/autocomplete/", {**names, **more})

    assert len(find(term="ac").json()["results"]) == 1
    assert find(term="3b5").json()["results"] == []
    for more in ({"field_name": "key_hash"}, {"field_name": "zzz"}, {"model_name": "\0"}):
        assert find(**more).status_code == 403
