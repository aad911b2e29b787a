"""Registers `config`, for the command `up`."""

from django.apps import AppConfig


class ConfigConfig(AppConfig):
    name = "config"
