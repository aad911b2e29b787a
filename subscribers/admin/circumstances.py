"""Which operator acts in the admin, for the ledger."""

from django.http import HttpRequest

from config.http.errors import request_id_of
from subscribers.services.consent.ledger import Circumstances


def by_operator(request: HttpRequest) -> Circumstances:
    """Return the operator and the request; no address or browser is the person's own."""
    return Circumstances(request_id=request_id_of(request), actor=request.user.get_username())
