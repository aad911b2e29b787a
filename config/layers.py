"""The WSGI layers around Django, outermost first."""

from typing import TYPE_CHECKING

from django.conf import settings

from events.api.express import ExpressLane

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication


def layered(django: "WSGIApplication") -> "WSGIApplication":
    return ExpressLane(django) if settings.EXPRESS else django
