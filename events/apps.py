"""Registers the app."""

from django.apps import AppConfig


class EventsConfig(AppConfig):
    """Definitions, events, sync rules."""

    name = "events"
    verbose_name = "Events"
