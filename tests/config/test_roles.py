"""The groups that an installation begins with, and what each of them may do."""

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, Permission, User
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext

from config.admin_base import list_url
from tests.project.test_admin_pages import PAGES, make_row

ROLES = ("viewer", "support", "marketer", "operator")
# Tables that every request may write to.
OF_REQUESTS = ("django_session", "django_admin_log")


def with_role(name: str) -> Client:
    """Return the browser of a user with one group."""
    person = User.objects.create_user(name, password="correct horse", is_staff=True)
    person.groups.add(Group.objects.get(name=name))
    client = Client()
    client.force_login(person)
    return client


def rights(name: str) -> set[str]:
    return set(Permission.objects.filter(group__name=name).values_list("codename", flat=True))


def addresses(row: Model) -> list[str]:
    """Return the address of every page and action about a row, and of the form that adds one."""
    root = list_url(type(row))  # Loads what is registered.
    urls = admin.site.get_model_admin(type(row)).get_urls()
    paths = [str(url.pattern) for url in urls if str(url.pattern).count("<") == 1]
    about = [path.replace("<path:object_id>", str(row.pk)) for path in paths]
    return [root + path for path in (*about, "add/") if "<" not in path]


@pytest.mark.django_db
def test_each_role_may_do_more_than_the_one_before_or_other_things() -> None:
    viewer, support, marketer, operator = map(rights, ROLES)

    assert all(name.startswith("view_") for name in viewer)
    assert viewer < support < operator
    assert viewer < marketer < operator
    assert "change_outgoingemail" in support - marketer
    assert "change_sequence" in marketer - support
    assert not {"change_workspace", "add_apikey"} & (support | marketer)


@pytest.mark.django_db
def test_no_role_may_change_users() -> None:
    given = Permission.objects.filter(group__name__in=ROLES)

    assert not given.filter(content_type__app_label__in=("auth", "admin", "otp_totp")).exists()


@pytest.mark.django_db
@pytest.mark.parametrize("model", PAGES)
def test_a_viewer_changes_nothing(model: type[Model]) -> None:
    client, row = with_role("viewer"), make_row(model, 0)

    for address in addresses(row):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            answer = client.post(address, {"reason": "x", "post": "yes"})
        writes = [
            each["sql"]
            for each in queries.captured_queries
            if each["sql"].startswith(("INSERT", "UPDATE", "DELETE"))
            and not any(table in each["sql"] for table in OF_REQUESTS)
        ]
        assert answer.status_code < 500, address
        assert writes == [], address
