"""Who does something by hand, for the ledger."""

from django.http import HttpRequest

from config.http.errors import request_id_of
from subscribers.services.consent.ledger import Circumstances


def by_hand(request: HttpRequest) -> Circumstances:
    """Return the circumstances of what an operator does; nothing of it is the person's own."""
    return Circumstances(request_id=request_id_of(request), actor=request.user.get_username())
