"""How often somebody may fail to sign in: by name and address, by address, and in all.

The limits count failures of the last `LOGIN_LOCK_MINUTES`. A concurrent attempt may exceed a limit
by one. The limit in all does not hold for addresses that signed in before, so nobody locks the
operators out by guessing from many addresses.
"""

import ipaddress
from datetime import datetime, timedelta
from enum import StrEnum

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import salted_hmac

from config.http import client_ip
from config.sign_in.models import SignIn

# How long an address is known by its last sign-in, and how long the record is kept.
KEPT = timedelta(days=90)
IPV6_PREFIX = 64
# How far another host's clock may be ahead. Rows beyond it are of a clock that was set back since:
# they count for nothing, else they would count for as long as it was ahead.
AHEAD = timedelta(seconds=30)


class Reason(StrEnum):
    NAME = "Too many wrong passwords for this name from your address."
    ADDRESS = "Too many wrong passwords from your address."
    IN_ALL = "Too many wrong passwords from everywhere, and nobody signed in from your address yet."
    DEVICE = "Too many wrong codes for this device."
    BUSY = "Too many people are signing in at this moment."


class Refused(Exception):
    """An attempt that is not even tried."""

    def __init__(self, reason: Reason, wait: timedelta) -> None:
        self.reason = reason
        self.wait_seconds = max(1, round(wait.total_seconds()))
        super().__init__(reason)


class Attempt:
    """Somebody who tries to sign in from somewhere."""

    def __init__(self, *, person: User | None, name: str, request: HttpRequest | None) -> None:
        digest = salted_hmac("cueline.sign_in.name", name.encode(errors="replace")).hexdigest()
        self.name = person.get_username() if person else f"unknown ({digest[:12]})"
        self.network = network_of(client_ip.address_of(request.META)) if request else ""

    def check(self, *, now: datetime) -> None:
        """Raise `Refused` beyond a limit."""
        failures = _failures(now=now)
        of_address = failures.filter(network=self.network)
        of_name = of_address.filter(name=self.name)
        successes = SignIn.objects.filter(network=self.network, outcome=SignIn.Outcome.SUCCEEDED)
        last = successes.filter(name=self.name, at__lte=now + AHEAD).order_by("-at").first()
        if last is not None:
            of_name = of_name.filter(at__gt=last.at)
        for reason, rows, most in (
            (Reason.NAME, of_name, settings.LOGIN_FAILURES),
            (Reason.ADDRESS, of_address, settings.LOGIN_FAILURES_BY_ADDRESS),
            (Reason.IN_ALL, failures, settings.LOGIN_FAILURES_IN_ALL),
        ):
            # With `most` failures the limit is reached, until the oldest of them counts no more.
            oldest = rows.order_by("-at")[most - 1 : most].first()
            if oldest is None:
                continue
            if reason == Reason.IN_ALL and successes.filter(at__gt=now - KEPT).exists():
                continue
            raise Refused(reason, oldest.at + settings.LOGIN_LOCK - now)

    def note(self, outcome: SignIn.Outcome, *, now: datetime) -> None:
        """Add a row, and delete those that are too old."""
        SignIn.objects.filter(at__lte=now - KEPT).delete()
        SignIn.objects.create(at=now, name=self.name, network=self.network, outcome=outcome)


def network_of(address: client_ip.Address | None) -> str:
    """Return what an address counts as; "" if it is not known."""
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, IPV6_PREFIX), strict=False))
    return str(address or "")


def is_full(*, now: datetime) -> bool:
    """Tell whether new addresses are refused by the limit in all."""
    most = settings.LOGIN_FAILURES_IN_ALL
    return _failures(now=now).order_by("-at")[most - 1 : most].exists()


def unlock(*, name: str = "") -> int:
    """Delete the failures that count, of one name or all; return how many."""
    failures = _failures(now=timezone.now())
    deleted, _ = (failures.filter(name=name) if name else failures).delete()
    return deleted


def _failures(*, now: datetime) -> QuerySet[SignIn]:
    """Return the rows that count."""
    rows = SignIn.objects.filter(at__gt=now - settings.LOGIN_LOCK, at__lte=now + AHEAD)
    return rows.exclude(outcome=SignIn.Outcome.SUCCEEDED)
