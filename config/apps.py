"""Registers `config`, for the command `up`."""

from django.apps import AppConfig


class ConfigConfig(AppConfig):
    """The wiring; no tables."""

    name = "config"
