"""The admin's pages about its users, groups and log."""

from django.apps import apps
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import Model
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from config.admin_base import BaseAdmin, ReadOnlyAdmin

# The queue's own pages count rows, and allow changes that the worker does not notice.
for _model in apps.get_app_config("django_q").get_models():
    if admin.site.is_registered(_model):
        admin.site.unregister(_model)
admin.site.unregister(User)
admin.site.unregister(Group)


@admin.register(User)
class PersonAdmin(UserAdmin, BaseAdmin):  # type: ignore[type-arg]  # not generic at run time
    """The admin's users; deactivated rather than deleted, since the log names them."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    actions = None

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Deleting users would delete the log of what they did."""
        return False


@admin.register(Group)
class PeopleGroupAdmin(GroupAdmin, BaseAdmin):
    actions = None


@admin.register(LogEntry)
class LogEntryAdmin(ReadOnlyAdmin):
    list_display = ("action_time", "user", "action", "content_type", "object_repr", "what")
    list_select_related = ("user", "content_type")
    fields = ("action_time", "user", "action", "content_type", "object_id", "object_repr", "what")
    readonly_fields = ("action", "what")

    @admin.display(description="action")
    def action(self, entry: LogEntry) -> str:
        return str(entry.get_action_flag_display())

    @admin.display(description="what")
    def what(self, entry: LogEntry) -> str | SafeString:
        return entry.get_change_message()
