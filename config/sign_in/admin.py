"""The admin's list of sign-ins."""

from django.contrib import admin

from config.admin_base import ReadOnlyAdmin
from config.sign_in.models import SignIn


@admin.register(SignIn)
class SignInAdmin(ReadOnlyAdmin):
    when_empty = "Nobody has signed in yet."
    list_display = ("at", "name", "ip_address", "outcome")
    list_filter = ("outcome",)
    search_fields = ("name", "network")
    search_help_text = "The beginning of a name or an IP address"
    fields = ("at", "name", "ip_address", "outcome")
    readonly_fields = ("ip_address",)

    @admin.display(description="IP address")
    def ip_address(self, sign_in: SignIn) -> str:
        return sign_in.network
