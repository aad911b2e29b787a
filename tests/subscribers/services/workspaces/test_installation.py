"""One secret key for all processes of an installation."""

import pytest
from django.db import connection
from django.utils.timezone import now

from subscribers.models import Installation
from subscribers.services.workspaces import installation
from subscribers.services.workspaces.installation import SecretKeyDiffers

pytestmark = pytest.mark.django_db
SQLITE = connection.vendor == "sqlite"
FIRST, OTHER = "a" * 50, "b" * 50


def test_the_first_start_keeps_a_fingerprint_that_does_not_tell_the_key() -> None:
    installation.check_secret_key(secret_key=FIRST)

    kept = Installation.objects.get().secret_key_fingerprint
    assert len(kept) == 64
    assert FIRST[:8] not in kept


def test_the_same_key_may_start_again() -> None:
    installation.check_secret_key(secret_key=FIRST)

    installation.check_secret_key(secret_key=FIRST)

    assert Installation.objects.count() == 1


def test_another_key_is_refused_with_what_to_do() -> None:
    installation.check_secret_key(secret_key=FIRST)

    with pytest.raises(SecretKeyDiffers, match="--accept-new-secret-key") as refused:
        installation.check_secret_key(secret_key=OTHER)

    assert refused.value.code == "SECRET_KEY_DIFFERS"
    assert OTHER not in str(refused.value)


def test_an_accepted_key_is_the_installations_and_the_old_one_is_refused() -> None:
    installation.check_secret_key(secret_key=FIRST)

    assert installation.accept_secret_key(secret_key=OTHER)

    installation.check_secret_key(secret_key=OTHER)
    with pytest.raises(SecretKeyDiffers):
        installation.check_secret_key(secret_key=FIRST)


def test_accepting_twice_changes_nothing() -> None:
    assert installation.accept_secret_key(secret_key=FIRST)

    assert not installation.accept_secret_key(secret_key=FIRST)


def test_a_forged_row_before_ours_does_not_end_the_hold() -> None:
    """A dump may have been made without the constraint that allows one row."""
    allow = "ALTER TABLE subscribers_installation DROP CONSTRAINT installation_is_one"
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA ignore_check_constraints=ON" if SQLITE else allow)
        Installation.objects.create(on_hold_since=now())
        Installation.objects.create(id=0)
        found = installation.on_hold_since()
        if SQLITE:
            cursor.execute("PRAGMA ignore_check_constraints=OFF")

    assert found is not None
