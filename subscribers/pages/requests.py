"""A reader's request: its form and its sender; and a second try where that is harmless."""

from collections.abc import Callable
from typing import TypeVar

from django.core.exceptions import BadRequest, SuspiciousOperation
from django.http import HttpRequest, QueryDict, UnreadablePostError
from django.http.multipartparser import MultiPartParserError

from config.http.client_ip import client_ip
from config.http.errors import request_id_of
from config.http.refusals import declared_length
from subscribers.services.consent.ledger import Circumstances
from subscribers.services.storage import connections

# A reason in any script, and a few hundred lists.
LARGEST_BODY = 32 * 1024
UNREADABLE = (BadRequest, MultiPartParserError, SuspiciousOperation, UnreadablePostError)
Result = TypeVar("Result")


class UnusableForm(ValueError):
    """A body that is no form of ours, or too large; `status` is the answer's."""

    code = "VALIDATION_ERROR"

    def __init__(self, status: int) -> None:
        self.status = status
        super().__init__("The body is not a form that this page sends.")


def form_of(request: HttpRequest) -> QueryDict:
    """Return the form; raises `UnusableForm`. Larger bodies are not read."""
    if declared_length(request.META) > LARGEST_BODY:
        raise UnusableForm(413)
    try:
        return request.POST
    except UNREADABLE as error:
        raise UnusableForm(400) from error


def circumstances_of(request: HttpRequest) -> Circumstances:
    return Circumstances(
        ip=client_ip(request),
        user_agent=request.headers.get("User-Agent", ""),
        request_id=request_id_of(request),
    )


def once_more_if_lost(action: Callable[[], Result]) -> Result:
    """Do something idempotent, again where the pool's connection was dead."""
    try:
        return action()
    except connections.LOST:
        if not connections.renew():
            raise
        return action()
