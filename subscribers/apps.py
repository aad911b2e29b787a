"""Registers the app."""

from django.apps import AppConfig


class SubscribersConfig(AppConfig):
    """Workspaces, keys, subscribers, tags, lists."""

    name = "subscribers"
    verbose_name = "Audience"
