"""The events' paths under `/api/v1/`."""

from django.urls import path

from events.api.event_imports import EventImportsView
from events.api.events import BulkEventsView, SingleEventView
from events.api.sync_rules import SyncRulesView

urlpatterns = [
    path("subscribers/events", SingleEventView.as_view(), name="events-single"),
    path("subscribers/events/bulk", BulkEventsView.as_view(), name="events-bulk"),
    path("subscribers/events/imports", EventImportsView.as_view(), name="events-imports"),
    path("sync-rules", SyncRulesView.as_view(), name="sync-rules"),
]
