"""The download of everything stored about one person."""

from django.http import StreamingHttpResponse
from django.utils import timezone

from config.admin_actions import RowAction
from events.services.people import document
from subscribers.models import Subscriber

EXPORT = RowAction(
    name="export",
    label="Export everything",
    explanation="Everything stored about this person, as one JSON file.",
)


def download(subscriber: Subscriber) -> StreamingHttpResponse:
    """Return the document as a streamed file; the file's name holds no address."""
    return StreamingHttpResponse(
        document.chunks(subscriber=subscriber, now=timezone.now()),
        content_type="application/json",
        headers={"Content-Disposition": f'attachment; filename="{subscriber.public_id}.json"'},
    )
