"""The content policy of pages; JSON answers do not need it.

Building the header costs a twentieth of a small API request (measured), and django-csp builds it
even for paths that it excludes.
"""

from csp.middleware import CSPMiddleware
from django.http import HttpRequest
from django.http.response import HttpResponseBase

JSON_PREFIX = "/api/v1/"


class PagePolicyMiddleware(CSPMiddleware):
    """Sends the policy with everything except the API's answers."""

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        if request.path.startswith(JSON_PREFIX):
            return response
        return super().process_response(request, response)
