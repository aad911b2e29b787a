"""The answer to a sign-in that is not tried."""

import math

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from config.sign_in.limits import Refused

LONGEST_IN_SECONDS = 90


def refusal(request: HttpRequest, refused: Refused) -> HttpResponse:
    """Return a page that says why, and when to try again; 429 with Retry-After."""
    seconds = refused.wait_seconds
    wait = f"{seconds} seconds"
    if seconds > LONGEST_IN_SECONDS:
        wait = f"{math.ceil(seconds / 60)} minutes"
    context = {"title": "Try again later", "reason": str(refused.reason), "wait": wait}
    page = render_to_string(
        "admin/sign_in_refused.html", {**admin.site.each_context(request), **context}
    )
    return HttpResponse(page, status=429, headers={"Retry-After": str(seconds)})
