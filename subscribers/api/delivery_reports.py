"""`/anymail/<service>/tracking/`: reports of delivery services, read by django-anymail.

The extra's views check and parse a service's posts; we call them directly. Services authenticate by
the secret (basic auth). No post may cause a 5xx, which would be repeated, except by a fault of
ours.
"""

import base64
import binascii
import logging
import re
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import Resolver404, resolve
from django.utils.crypto import constant_time_compare
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from config.http.uploads import takes_forms
from subscribers.services.activity.rules import Visit
from subscribers.services.dispatch import reports as delivery_reports
from subscribers.services.dispatch.reports import Activity, News, Report
from subscribers.services.outbox import refusals
from subscribers.services.outbox.delivery import REPORTED_ID

logger = logging.getLogger("cueline.delivery_reports")

# Anymail's types of events that come after the service accepted the mail.
TAKEN = frozenset(
    {"queued", "sent", "delivered", "deferred", "bounced", "autoresponded", "opened", "clicked",
     "complained", "unsubscribed"}
)  # fmt: skip
# Of those that are no news; a bounce that is none is soft.
ACTIVITIES = {
    "delivered": Activity.DELIVERED, "deferred": Activity.DEFERRED, "opened": Activity.OPENED,
    "clicked": Activity.CLICKED, "bounced": Activity.BOUNCED,
}  # fmt: skip
HARD = frozenset({"bounced", "invalid"})
# Anymail calls soft bounces bounced, too; under these keys the services themselves say which.
_WORD_KEYS = frozenset(
    {"type", "event", "bouncetype", "bounce_type", "bounce_class", "error", "severity",
     "delivery_status"}
)  # fmt: skip
_SOFT = re.compile(r"soft|transient|temporar|undetermined|full|quota|large|block", re.IGNORECASE)
# SparkPost's classes: soft, DNS, full, too large, unspecified, transient.
_SOFT_CLASSES = frozenset({"20", "21", "22", "23", "40", "70"})
_DEEPEST = 4
_OUR_ID = re.compile(r"<?([0-9a-f]{32})(?:@.*)?", re.ASCII)


# The secret is the proof; services have no cookie. Some send forms.
@takes_forms
@csrf_exempt
@require_http_methods(["HEAD", "POST"])
def tracking(request: HttpRequest, service: str) -> HttpResponse:
    """Take a post of reports; `service` names anymail's backend, such as `postmark`."""
    if not settings.ANYMAIL_WEBHOOK_SECRET:
        raise Http404
    if request.method == "HEAD":
        # Some services check that the address answers.
        return HttpResponse()
    if not _shows_secret(request):
        headers = {"WWW-Authenticate": 'Basic realm="delivery reports"'}
        return HttpResponse("The secret is missing or wrong.", status=401, headers=headers)
    view = _view_of(service)
    try:
        view.run_validators(request)
        reports = [_report_of(event) for event in view.parse_events(request)]
    except Exception as error:  # noqa: BLE001 - the extra's parsers may raise anything
        logger.warning("A report of %s cannot be read: %s", service, type(error).__name__)
        return HttpResponse("The report cannot be read.", status=400)
    delivery_reports.take(reports=reports, now=datetime.now(tz=UTC))
    return HttpResponse("Taken.")


def _shows_secret(request: HttpRequest) -> bool:
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    try:
        shown = base64.b64decode(given.strip(), validate=True)
    except (binascii.Error, ValueError):
        return False
    is_equal = constant_time_compare(shown, settings.ANYMAIL_WEBHOOK_SECRET.encode())
    return scheme.lower() == "basic" and is_equal


def _view_of(service: str) -> Any:  # noqa: ANN401 - a view of the extra, which may be missing
    """Return anymail's view for a service; 404 when it has none, or settings are missing."""
    try:
        found = resolve(f"/{service.replace('-', '_')}/tracking/", urlconf="anymail.urls")
        return found.func.view_class(**found.func.view_initkwargs)  # type: ignore[attr-defined]
    except Resolver404:
        raise Http404 from None
    except Exception as error:  # such as a missing key of the service
        logger.warning("Reports of %s cannot be taken: %s", service, error)
        raise Http404 from error


def _report_of(event: Any) -> Report:  # noqa: ANN401 - anymail's, and any JSON in it
    details = " ".join(filter(None, (_text(event.mta_response), _text(event.description))))
    news = _news_of(event, details)
    at = event.timestamp
    return Report(
        recipient=_text(event.recipient),
        email_id=_email_id_of(event),
        is_taken=event.event_type in TAKEN,
        news=news,
        activity=ACTIVITIES.get(event.event_type),
        at=at if isinstance(at, datetime) and at.tzinfo else None,
        visit=Visit(user_agent=_text(event.user_agent)),
        url=_text(event.click_url),
        details=details,
    )


def _news_of(event: Any, details: str) -> News | None:  # noqa: ANN401 - as above
    reason = event.reject_reason
    match event.event_type:
        case "complained":
            return News.COMPLAINT
        case "unsubscribed":
            return News.UNSUBSCRIBED
        case "rejected" if reason == "spam":
            return News.COMPLAINT
        case "rejected" if reason == "unsubscribed":
            return News.UNSUBSCRIBED
        case "rejected" if reason in HARD:
            return News.HARD_BOUNCE
        case "bounced" if reason is None or reason in HARD:
            is_soft = refusals.is_certainly_soft(details) or _SOFT.match(_text(event.description))
            return None if is_soft or _says_soft(event.esp_event, 0) else News.HARD_BOUNCE
        case _:
            return None


def _says_soft(said: Any, depth: int) -> bool:  # noqa: ANN401 - any JSON, or a form
    """Tell whether the service's own fields call the bounce soft."""
    if isinstance(said, list) and depth < _DEEPEST:
        return any(_says_soft(each, depth + 1) for each in said)
    if not hasattr(said, "items") or depth >= _DEEPEST:
        return False
    for key, value in said.items():
        name = str(key).lower()
        if isinstance(value, str) and name in _WORD_KEYS and _SOFT.search(value):
            return True
        if name == "bounce_class" and str(value) in _SOFT_CLASSES:
            return True
        if (name == "hard_bounce" and value is False) or _says_soft(value, depth + 1):
            return True
    return False


def _email_id_of(event: Any) -> UUID | None:  # noqa: ANN401 - as above
    """Return our id of the mail, from its metadata or its Message-ID."""
    metadata = event.metadata if isinstance(event.metadata, dict) else {}
    for text in (metadata.get(REPORTED_ID), event.message_id):
        found = _OUR_ID.fullmatch(_text(text))
        if found:
            return UUID(found[1])
    return None


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
