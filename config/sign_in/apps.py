"""Registers the record of sign-ins."""

from django.apps import AppConfig


class SignInConfig(AppConfig):
    name = "config.sign_in"
    label = "sign_in"
    verbose_name = "Signing in"
    default_auto_field = "django.db.models.BigAutoField"
