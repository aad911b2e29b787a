"""Registers the app, and the check that reactions are installed."""

from django.apps import AppConfig
from django.core import checks

from subscribers.checks import somebody_reacts


class SubscribersConfig(AppConfig):
    name = "subscribers"
    verbose_name = "Audience"

    def ready(self) -> None:
        checks.register(somebody_reacts)
