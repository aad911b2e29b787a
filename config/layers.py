"""The WSGI layers around Django, outermost first."""

from typing import TYPE_CHECKING

from django.conf import settings

from config.sign_in.gate import SignInGate
from events.api.express import ExpressLane

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication


def layered(django: "WSGIApplication") -> "WSGIApplication":
    gated = SignInGate(django)
    return ExpressLane(gated) if settings.EXPRESS else gated
