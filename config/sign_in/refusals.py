"""The answer to a sign-in that is not tried, and who is refused without asking the database."""

import math
import time
from datetime import timedelta
from functools import lru_cache

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from config.sign_in.limits import Reason, Refused

# Beyond it the page says minutes.
LONGEST_IN_SECONDS = 90
# So long a network is refused without a look at the table; `unlock_sign_in` works after it.
REMEMBERED_SECONDS = 10
MOST_REMEMBERED = 10_000
# Forms without a CSRF token or a name cost time as well, and have no row.
MOST_A_MINUTE = 60
_refused: dict[str, tuple[float, Refused]] = {}
_tallies: dict[str, tuple[float, int]] = {}


def remember(network: str, refused: Refused) -> None:
    """Keep in this process that a network is refused, whatever the name."""
    if refused.reason in {Reason.ADDRESS, Reason.IN_ALL}:
        if len(_refused) >= MOST_REMEMBERED:
            _refused.clear()
        seconds = min(refused.wait_seconds, REMEMBERED_SECONDS)
        _refused[network] = (time.monotonic() + seconds, refused)


def tally(network: str) -> None:
    """Count a form that let nobody in; too many in a minute refuse the network for a while."""
    now = time.monotonic()
    ends_at, count = _tallies.get(network, (0.0, 0))
    if now >= ends_at:
        ends_at, count = now + 60, 0
    if len(_tallies) >= MOST_REMEMBERED:
        _tallies.clear()
    _tallies[network] = (ends_at, count + 1)
    if count >= MOST_A_MINUTE:
        remember(network, Refused(Reason.ADDRESS, timedelta(seconds=ends_at - now)))


def recall(network: str) -> Refused | None:
    until, refused = _refused.get(network, (0.0, None))
    return refused if time.monotonic() < until else None


def refusal(refused: Refused) -> HttpResponse:
    """Return a page that says why, and when to try again; 429 with Retry-After."""
    headers = {"Retry-After": str(refused.wait_seconds)}
    return HttpResponse(page(refused), status=429, headers=headers)


def page(refused: Refused) -> bytes:
    seconds = refused.wait_seconds
    if seconds > LONGEST_IN_SECONDS:
        return _page(refused.reason, f"{math.ceil(seconds / 60)} minutes")
    return _page(refused.reason, "a second" if seconds == 1 else f"{seconds} seconds")


@lru_cache(maxsize=256)
def _page(reason: Reason, wait: str) -> bytes:
    """Render the page for nobody in particular."""
    request = HttpRequest()
    request.META = {"SCRIPT_NAME": "", "SERVER_NAME": "localhost", "SERVER_PORT": "80"}
    request.user = AnonymousUser()
    can_unlock = reason in {Reason.NAME, Reason.ADDRESS, Reason.IN_ALL}
    context = {
        **admin.site.each_context(request), "title": "Try again later", "reason": str(reason),
        "wait": wait, "can_unlock": can_unlock,
    }  # fmt: skip
    return render_to_string("admin/sign_in_refused.html", context).encode()


@lru_cache(maxsize=1)
def policy() -> str:
    """Return the content policy, as django-csp writes it."""
    directives = settings.CONTENT_SECURITY_POLICY["DIRECTIVES"]
    return "; ".join(f"{name} {' '.join(words)}" for name, words in directives.items())
