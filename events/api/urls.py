"""The events' paths under `/api/v1/`."""

from django.urls import path

from events.api.definitions import DefinitionsView, SampleView, SchemasView
from events.api.event_imports import EventImportsView
from events.api.events import BulkEventsView, SingleEventView
from events.api.reading import EventsView, EventView
from events.api.sync_rules import SyncRulesView

urlpatterns = [
    path("definitions", DefinitionsView.as_view(), name="definitions"),
    path("events", EventsView.as_view(), name="events"),
    path("events/sample", SampleView.as_view(), name="event-sample"),
    path("events/schemas", SchemasView.as_view(), name="event-schemas"),
    path("events/<str:event_id>", EventView.as_view(), name="event"),
    path("subscribers/events", SingleEventView.as_view(), name="events-single"),
    path("subscribers/events/bulk", BulkEventsView.as_view(), name="events-bulk"),
    path("subscribers/events/imports", EventImportsView.as_view(), name="events-imports"),
    path("sync-rules", SyncRulesView.as_view(), name="sync-rules"),
]
