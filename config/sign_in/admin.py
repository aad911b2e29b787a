"""The admin's list of sign-ins."""

from django.contrib import admin

from config.admin_base import ReadOnlyAdmin
from config.sign_in.models import SignIn


@admin.register(SignIn)
class SignInAdmin(ReadOnlyAdmin):
    when_empty = "Nobody has signed in yet."
    list_display = ("at", "name", "network", "outcome")
    list_filter = ("outcome",)
    search_fields = ("name", "network")
    search_help_text = "The beginning of a name or an address"
    fields = ("at", "name", "network", "outcome")
