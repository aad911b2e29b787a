"""The events' paths under `/api/v1/`."""

from django.urls import path

from events.api.cancelling import CancelView
from events.api.definitions import DefinitionsView, SampleView, SchemasView
from events.api.enrollments import (
    EnrollmentsView,
    EnrollmentView,
    EnrollView,
    PauseView,
    ResumeView,
)
from events.api.event_imports import EventImportsView
from events.api.events import BulkEventsView, SingleEventView
from events.api.reading import EventsView, EventView
from events.api.sequences import (
    ArchiveView,
    CloseEntryView,
    DisableView,
    DuplicateView,
    EnableView,
    OpenEntryView,
    SequencesView,
    SequenceView,
    SimulateView,
    UnarchiveView,
)
from events.api.sync_rules import SyncRulesView

ONE = "sequences/<str:sequence_id>"
ENROLLMENTS = f"{ONE}/enrollments"

urlpatterns = [
    path("definitions", DefinitionsView.as_view(), name="definitions"),
    path("events", EventsView.as_view(), name="events"),
    path("events/sample", SampleView.as_view(), name="event-sample"),
    path("events/schemas", SchemasView.as_view(), name="event-schemas"),
    path("events/<str:event_id>", EventView.as_view(), name="event"),
    path("subscribers/events", SingleEventView.as_view(), name="events-single"),
    path("subscribers/events/bulk", BulkEventsView.as_view(), name="events-bulk"),
    path("subscribers/events/imports", EventImportsView.as_view(), name="events-imports"),
    path("sequences", SequencesView.as_view(), name="sequences"),
    path(ONE, SequenceView.as_view(), name="sequence"),
    path(f"{ONE}/archive", ArchiveView.as_view(), name="sequence-archive"),
    path(f"{ONE}/disable", DisableView.as_view(), name="sequence-disable"),
    path(f"{ONE}/duplicate", DuplicateView.as_view(), name="sequence-duplicate"),
    path(f"{ONE}/enable", EnableView.as_view(), name="sequence-enable"),
    path(f"{ONE}/enroll", EnrollView.as_view(), name="sequence-enroll"),
    path(f"{ONE}/pause-enrollments", CloseEntryView.as_view(), name="sequence-close"),
    path(f"{ONE}/resume-enrollments", OpenEntryView.as_view(), name="sequence-open"),
    path(f"{ONE}/simulate", SimulateView.as_view(), name="sequence-simulate"),
    path(f"{ONE}/unarchive", UnarchiveView.as_view(), name="sequence-unarchive"),
    path(ENROLLMENTS, EnrollmentsView.as_view(), name="enrollments"),
    path(f"{ENROLLMENTS}/cancel", CancelView.as_view(), name="enrollments-cancel"),
    path(f"{ENROLLMENTS}/pause", PauseView.as_view(), name="enrollments-pause"),
    path(f"{ENROLLMENTS}/resume", ResumeView.as_view(), name="enrollments-resume"),
    path(f"{ENROLLMENTS}/<str:enrollment_id>", EnrollmentView.as_view(), name="enrollment"),
    path("sync-rules", SyncRulesView.as_view(), name="sync-rules"),
]
