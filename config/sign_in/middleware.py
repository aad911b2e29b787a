"""Who a request's user is: the session's, while it may last and has its second factor."""

import time
from collections.abc import Callable
from functools import partial

from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User
from django.http import HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject

from config.http.client_ip import address_of
from config.sign_in import refusals, second_factor
from config.sign_in.limits import Refused, network_of

# What a session holds: when it began, and was seen last.
BEGAN = "began"
SEEN = "seen"
SECONDS_BETWEEN_WRITES = 60


class SignInMiddleware:
    """Leaves a half signed-in user anonymous everywhere, and answers refused sign-ins."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.user = SimpleLazyObject(partial(signed_in, request, request.user))  # type: ignore[assignment]  # behaves as the user
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, Refused):
            return None
        refusals.remember(network_of(address_of(request.META)), error)
        return refusals.refusal(error)


def signed_in(request: HttpRequest, person: User | AnonymousUser) -> User | AnonymousUser:
    """Return the session's user if the session goes on and has what the second factor asks for."""
    if not person.is_authenticated:
        return person
    now = int(time.time())
    session = request.session
    if now - session.setdefault(BEGAN, now) >= settings.SESSION_LENGTH.total_seconds():
        session.flush()
        return AnonymousUser()
    # Each write moves the idle end, which is SESSION_COOKIE_AGE.
    if now - session.get(SEEN, 0) >= SECONDS_BETWEEN_WRITES:
        session[SEEN] = now
    return AnonymousUser() if second_factor.is_missing(person, session) else person
