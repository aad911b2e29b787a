"""The second factor: one authenticator app a user, and recovery codes that work once each.

The app's key is in the database in clear, because codes are computed from it; of recovery codes
only hashes are kept.
"""

import base64
import hashlib
import os
import re
from datetime import timedelta

from django.conf import settings
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.backends.base import SessionBase
from django.db import transaction
from django.utils import timezone
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from config.sign_in.limits import Reason, Refused

RECOVERY_CODES = 10
# Of the base32 alphabet, so 80 bits; the column holds 16 characters, too.
RECOVERY_LENGTH = 16
# What a session holds: the id of the device whose code was given.
VERIFIED = "second_factor"


def device_of(person: User) -> TOTPDevice | None:
    return TOTPDevice.objects.filter(user=person, confirmed=True).order_by("pk").first()


def is_missing(person: User | AnonymousUser, session: SessionBase) -> bool:
    """Tell whether a session that has the password still needs a code, or a device first."""
    if not isinstance(person, User):
        return False
    device = device_of(person)
    if device is None:
        return person.is_staff and settings.REQUIRE_2FA
    return bool(session.get(VERIFIED) != device.pk)


@transaction.atomic
def set_up(*, person: User, key: str, code: str) -> list[str]:
    """Add the device whose app shows `code`; return its recovery codes, none if it is wrong."""
    User.objects.select_for_update().get(pk=person.pk)
    device = TOTPDevice(user=person, name="Authenticator app", key=key)
    if device_of(person) is not None or not _is_code_of_app(code):
        return []
    device.save()
    if not device.verify_token(code):
        device.delete()
        return []
    recovery = StaticDevice.objects.create(user=person, name="Recovery codes")
    codes = [base64.b32encode(os.urandom(10)).decode().lower() for _ in range(RECOVERY_CODES)]
    for each in codes:
        recovery.token_set.create(token=_hashed(each))
    log(person, by=person, words="Second factor set up")
    return codes


@transaction.atomic
def verify(*, person: User, code: str) -> TOTPDevice | None:
    """Return the user's device if the app or the recovery codes have this code, which is used up.

    Raises `Refused` while the device waits after wrong codes, a time that doubles with each.
    """
    code = re.sub(r"[\s-]", "", code).lower()
    model, token = (TOTPDevice, code) if _is_code_of_app(code) else (StaticDevice, _hashed(code))
    device = model.objects.select_for_update().filter(user=person, confirmed=True).first()
    if device is None:
        return None
    is_allowed, why = device.verify_is_allowed()
    if not is_allowed:
        wait: timedelta = why["locked_until"] - timezone.now()
        raise Refused(Reason.DEVICE, wait)
    return device_of(person) if device.verify_token(token) else None


@transaction.atomic
def remove(*, person: User, by: User | None) -> bool:
    """Remove device and recovery codes; `by` is None for the command."""
    removed, _ = TOTPDevice.objects.filter(user=person).delete()
    StaticDevice.objects.filter(user=person).delete()
    if removed:
        log(person, by=by or person, words="Second factor removed" + ("" if by else " by command"))
    return bool(removed)


def codes_left(person: User) -> int:
    left: int = StaticToken.objects.filter(device__user=person).count()
    return left


def log(person: User, *, by: User, words: str) -> None:
    LogEntry.objects.create(
        user=by,
        content_type=ContentType.objects.get_for_model(User),
        object_id=str(person.pk),
        object_repr=str(person),
        action_flag=CHANGE,
        change_message=words,
    )


def _is_code_of_app(code: str) -> bool:
    return re.fullmatch(r"[0-9]{6}", code) is not None


def _hashed(code: str) -> str:
    return base64.b32encode(hashlib.sha256(code.encode()).digest())[:RECOVERY_LENGTH].decode()
