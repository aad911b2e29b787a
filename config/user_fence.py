"""Which users and groups somebody may change: only those without a right that they lack themselves.

Somebody with the right to change users could otherwise become superuser, or set one's password.
"""

from django.contrib.auth.models import Group, Permission, User
from django.db.models import Q, QuerySet


def own_permissions(person: User) -> QuerySet[Permission]:
    """Return what a user was given, by groups too; also of one who is not active."""
    if person.is_superuser:
        return Permission.objects.all()
    return Permission.objects.filter(Q(user=person) | Q(group__user=person))


def own_groups(person: User) -> QuerySet[Group]:
    """Return the groups whose every permission the user has."""
    lacking = Permission.objects.exclude(pk__in=own_permissions(person).values("pk"))
    return Group.objects.exclude(permissions__in=lacking)


def may_change(person: User, other: User | Group) -> bool:
    """Tell whether a user may change another, or a group, without gaining anything."""
    if person.is_superuser:
        return True
    if isinstance(other, Group):
        return own_groups(person).filter(pk=other.pk).exists()
    lacking = own_permissions(other).exclude(pk__in=own_permissions(person).values("pk"))
    return not other.is_superuser and not lacking.exists()
