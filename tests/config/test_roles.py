"""The groups that an installation begins with, and what each of them may do."""

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.db import transaction
from django.test import Client

from tests.support.admin_walk import Address, addresses, asked_of, make_world

ROLES = ("viewer", "support", "marketer", "operator")
# Pages that show rows, also to a POST.
READ = ("changelist", "history")
DELETE = "subscribers.delete_subscriber"
# What an action asks for beside the right to change its row.
MORE = {
    "sequence duplicate": "events.add_sequence",
    "subscriber enroll": "events.change_sequence",
    "subscriber erase": DELETE,
    "subscriber merge": DELETE,
    "subscriber suppress": "subscribers.add_suppression",
}
# What a page asks for instead of the right to see its row.
INSTEAD = {
    "sequence change": "events.change_sequence",
    "sequence export": "events.change_sequence",
    "subscriber editing": "subscribers.change_subscriber",
    "subscriber enrolling": "events.change_sequence",
    "subscriber erasing": DELETE,
    "subscriber merging": DELETE,
}
# Who may not edit it is sent on to the page that shows it, which asks for the rights.
SENT_ON = ("sequence change",)


def with_role(name: str) -> Client:
    """Return the browser of a user with one group."""
    person = User.objects.create_user(name, password="correct horse", is_staff=True)
    person.groups.set(Group.objects.filter(name=name))
    client = Client()
    client.force_login(person)
    return client


def rights(name: str) -> set[str]:
    given = Permission.objects.filter(group__name=name)
    return {
        f"{app}.{word}" for app, word in given.values_list("content_type__app_label", "codename")
    }


def needs(address: Address, method: str) -> set[str]:
    """Return the rights to see, add, change or delete rows of its kind, or those named above."""
    assert address.model is not None
    if address.view in {"add", "delete"}:
        word = address.view
    else:
        word = "change" if method == "POST" or address.view == "password_change" else "view"
    label, model = address.model._meta.app_label, address.model._meta.model_name
    right, name = f"{label}.{word}_{model}", str(address)
    return {INSTEAD.get(name, right), MORE.get(name, right)}


@pytest.mark.django_db
def test_each_role_may_do_more_than_the_one_before_or_other_things() -> None:
    viewer, support, marketer, operator = map(rights, ROLES)

    assert all(".view_" in name for name in viewer)
    assert viewer < support < operator
    assert viewer < marketer < operator
    assert "subscribers.change_outgoingemail" in support - marketer
    assert "events.change_sequence" in marketer - support
    assert not {"subscribers.change_workspace", "subscribers.add_apikey"} & (support | marketer)


@pytest.mark.django_db
def test_no_role_may_change_users() -> None:
    given = Permission.objects.filter(group__name__in=ROLES)

    assert not given.filter(content_type__app_label__in=("auth", "admin", "otp_totp")).exists()


@pytest.mark.django_db
def test_a_role_may_do_what_its_rights_say_and_nothing_else() -> None:
    world = make_world()
    superuser = Client()
    superuser.force_login(User.objects.get(username="ada"))
    people = [(role, with_role(role), rights(role)) for role in (*ROLES, "nobody")]
    of_viewer = rights("viewer")
    wrong = []

    for address in addresses(world):
        if address.model is None:
            continue
        asked = asked_of(world, address)
        for method in ("GET",) if address.view in READ else ("GET", "POST"):
            possible = outcome(superuser, method, address, asked)
            if possible == 405:
                continue
            needed = needs(address, method)
            for role, client, has in people:
                # The others look at least at what a viewer looks at.
                if method == "GET" and needed <= of_viewer < has:
                    continue
                refused = 302 if method == "GET" and str(address) in SENT_ON else 403
                expected = possible if needed <= has else refused
                found = outcome(client, method, address, asked)
                if found != expected:
                    wrong.append(f"{role} {address} {method}: {found}, not {expected}")

    assert wrong == []


def outcome(client: Client, method: str, address: Address, asked: dict[str, str]) -> int:
    """Return the status of an answer whose changes are undone."""
    with transaction.atomic():
        send = client.get if method == "GET" else client.post
        status = send(address.path, asked).status_code
        transaction.set_rollback(True)
    return status
