"""503 with `Retry-After` for every page and call that finds the database away, never a 500."""

import sys
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from config import database
from config.http import errors
from subscribers.pages.base import page

SENTENCE = "The database is not available."


class UnavailableMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        return unavailable(request) if database.is_away(error) else None


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer what no middleware caught, such as an error of a middleware itself."""
    is_away = database.is_away(sys.exception())
    return unavailable(request) if is_away else errors.server_error(request)


def unavailable(request: HttpRequest) -> HttpResponse:
    if request.path.startswith(errors.API_PREFIX):
        code = "UNAVAILABLE"
        response = errors.error_response(request, status=503, code=code, message=SENTENCE)
    else:
        response = page(request, "unavailable.html", status=503)
    response["Retry-After"] = str(database.RETRY_AFTER_SECONDS)
    return response
