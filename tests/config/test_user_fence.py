"""Who may change users gains no right by it: every page and field that Django offers, tried."""

from collections.abc import Iterable
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client

from config.admin_base import admin_url, list_url
from tests.support.signing_in import PASSWORD

OWN = ("add_user", "change_user", "view_user", "delete_user", "add_group", "change_group")
OWN_GROUPS = ("view_group", "delete_group")
FOREIGN = "change_workspace"
NEW = "qV7-pLs2xWz!"


def permissions(names: Iterable[str]) -> list[Permission]:
    """Return permissions by their code names."""
    return list(Permission.objects.filter(codename__in=names))


@pytest.fixture
def helper(db: None) -> User:
    """Somebody who may change users and groups, and nothing else."""
    person = User.objects.create_user("helper", password=PASSWORD, is_staff=True)
    person.user_permissions.set(permissions([*OWN, *OWN_GROUPS]))
    return person


@pytest.fixture
def desk(helper: User) -> Client:
    """The helper's browser."""
    client = Client()
    client.force_login(helper)
    return client


@pytest.fixture
def chief(db: None) -> User:
    """A superuser."""
    return User.objects.create_superuser("chief", password=PASSWORD)


@pytest.fixture
def mighty(db: None) -> Group:
    """A group with a right that the helper lacks."""
    group = Group.objects.create(name="mighty")
    group.permissions.set(permissions([FOREIGN, "view_user"]))
    return group


def form_of(person: User, **changed: Any) -> dict[str, Any]:
    """Return the fields of a user's page, as a browser sends them."""
    fields = {
        "username": person.username,
        "is_active": "on",
        "is_staff": "on",
        "groups": [group.pk for group in person.groups.all()],
        "user_permissions": [each.pk for each in person.user_permissions.all()],
    }
    return {**fields, **changed}


def test_nobody_makes_themselves_or_others_superuser(desk: Client, helper: User) -> None:
    other = User.objects.create_user("other", password=PASSWORD)

    for person in (helper, other):
        answer = desk.post(admin_url(person), form_of(person, is_superuser="on", first_name="X"))
        assert answer.status_code == 302
        person.refresh_from_db()
        assert person.first_name == "X"
        assert not person.is_superuser
    desk.post(
        list_url(User) + "add/",
        {
            "username": "third", "usable_password": "true", "password1": NEW, "password2": NEW,
            "is_superuser": "on", "is_staff": "on",
        },
    )  # fmt: skip
    assert not User.objects.get(username="third").is_superuser


def test_a_superuser_is_not_touched(desk: Client, chief: User) -> None:
    password = admin_url(chief).replace("/change/", "/password/")

    assert desk.get(admin_url(chief)).status_code == 200
    assert desk.post(admin_url(chief), form_of(chief, is_active="")).status_code == 403
    assert desk.get(password).status_code == 403
    fields = {"password1": NEW, "password2": NEW, "usable_password": "true"}
    assert desk.post(password, fields).status_code == 403
    delete = admin_url(chief).replace("/change/", "/delete/")
    assert desk.post(delete, {"post": "yes"}).status_code == 403
    deleting = {"action": "delete_selected", "_selected_action": [chief.pk], "post": "yes"}
    desk.post(list_url(User), deleting)
    chief.refresh_from_db()
    assert chief.check_password(PASSWORD)
    assert chief.is_active


def test_a_superuser_who_is_switched_off_stays_so(desk: Client, chief: User) -> None:
    User.objects.update(is_active=True)
    User.objects.filter(pk=chief.pk).update(is_active=False)

    assert desk.post(admin_url(chief), form_of(chief)).status_code == 403


@pytest.mark.parametrize("is_active", [True, False])
@pytest.mark.parametrize("by_group", [True, False])
def test_who_may_do_more_is_not_touched(
    desk: Client, mighty: Group, is_active: bool, by_group: bool
) -> None:
    editor = User.objects.create_user("editor", password=PASSWORD, is_active=is_active)
    if by_group:
        editor.groups.add(mighty)
    else:
        editor.user_permissions.set(permissions([FOREIGN]))
    password = admin_url(editor).replace("/change/", "/password/")

    assert desk.post(admin_url(editor), form_of(editor)).status_code == 403
    assert desk.post(password, {"password1": NEW, "password2": NEW}).status_code == 403


def test_rights_that_one_lacks_are_neither_offered_nor_taken(
    desk: Client, helper: User, mighty: Group
) -> None:
    (foreign,) = permissions([FOREIGN])
    (own,) = permissions(["view_user"])
    mine = Group.objects.create(name="mine")
    mine.permissions.add(own)
    other = User.objects.create_user("other", password=PASSWORD)

    for person in (helper, other):
        page = desk.get(admin_url(person)).content.decode()
        assert "Can change workspace" not in page
        assert "mighty" not in page
        desk.post(admin_url(person), form_of(person, user_permissions=[foreign.pk]))
        desk.post(admin_url(person), form_of(person, groups=[mighty.pk]))
        assert not person.groups.exists()
        assert foreign not in person.user_permissions.all()
    fields = form_of(other, user_permissions=[own.pk], groups=[mine.pk])
    assert desk.post(admin_url(other), fields).status_code == 302
    assert list(other.user_permissions.all()) == [own]
    assert list(other.groups.all()) == [mine]


def test_groups_are_fenced_as_users_are(desk: Client, helper: User, mighty: Group) -> None:
    (foreign,) = permissions([FOREIGN])
    (own,) = permissions(["view_user"])
    mine = Group.objects.create(name="mine")
    mine.permissions.add(own)
    helper.groups.add(mine)
    delete = admin_url(mighty).replace("/change/", "/delete/")

    for group, rights in ((mine, [own.pk, foreign.pk]), (mighty, [own.pk])):
        desk.post(admin_url(group), {"name": group.name, "permissions": rights})
    desk.post(list_url(Group) + "add/", {"name": "new", "permissions": [foreign.pk]})
    assert desk.post(delete, {"post": "yes"}).status_code == 403

    assert list(mine.permissions.all()) == [own]
    assert foreign in mighty.permissions.all()
    assert not Group.objects.filter(name="new").exists()
    assert desk.post(admin_url(mine), {"name": "ours", "permissions": [own.pk]}).status_code == 302
    assert Group.objects.filter(name="ours").exists()


def test_a_page_says_that_a_password_is_set_and_not_how(admin_client: Client, chief: User) -> None:
    page = admin_client.get(admin_url(chief)).content.decode()

    assert ">Set<" in "".join(page.split())
    assert "argon2" not in page


def test_a_superuser_may_do_all_of_it(admin_client: Client, chief: User, mighty: Group) -> None:
    fields = form_of(chief, is_superuser="on", groups=[mighty.pk], first_name="X")

    assert admin_client.post(admin_url(chief), fields).status_code == 302
    chief.refresh_from_db()
    assert (chief.first_name, chief.is_superuser) == ("X", True)
    assert list(chief.groups.all()) == [mighty]
