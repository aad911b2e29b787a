"""Registers the app, and the check that somebody reacts to what it reports."""

from django.apps import AppConfig
from django.core import checks

from subscribers.checks import somebody_reacts


class SubscribersConfig(AppConfig):
    """Workspaces, keys, subscribers, tags, lists."""

    name = "subscribers"
    verbose_name = "Audience"

    def ready(self) -> None:
        """Register the check."""
        checks.register(somebody_reacts)
