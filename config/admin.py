"""The admin's pages about its users, groups and log."""

from collections.abc import Sequence
from typing import Any, ClassVar, cast

from django import forms
from django.apps import apps
from django.contrib import admin, messages
from django.contrib.admin.models import LogEntry
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import Exists, Model, OuterRef, QuerySet
from django.http import HttpRequest
from django.urls import URLPattern
from django.utils.safestring import SafeString
from django_otp.plugins.otp_totp.models import TOTPDevice
from unfold.forms import (
    AdminPasswordChangeForm,
    UnfoldReadOnlyPasswordHashWidget,
    UserChangeForm,
    UserCreationForm,
)

from config import user_fence
from config.admin_base import BaseAdmin, ReadOnlyAdmin, RowAction, SkinAdmin, word_when
from config.admin_filters import FilteredAdmin, between
from config.readable import sentence
from config.sign_in import second_factor

# The queue's own pages count rows, and allow changes that the worker does not notice; those of the
# second factor show its keys.
for _app in ("django_q", "otp_static", "otp_totp"):
    for _model in apps.get_app_config(_app).get_models():
        if admin.site.is_registered(_model):
            admin.site.unregister(_model)
admin.site.unregister(User)
admin.site.unregister(Group)


class FencedAdmin(SkinAdmin):
    """A page on which nobody gives, takes or gains a right that they do not have themselves."""

    actions = None

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return super().has_change_permission(request, obj) and _may_change(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return super().has_delete_permission(request, obj) and _may_change(request, obj)

    def formfield_for_manytomany(
        self,
        db_field: Any,  # noqa: ANN401 - the types of Django's two admin classes differ
        request: Any = None,  # noqa: ANN401 - as above
        **kwargs: Any,
    ) -> Any:  # noqa: ANN401 - as above
        field: Any = super().formfield_for_manytomany(db_field, request, **kwargs)
        if not request.user.is_superuser:
            person = _signed_in(request)
            is_groups = db_field.related_model is Group
            own = user_fence.own_groups if is_groups else user_fence.own_permissions
            field.queryset = field.queryset.filter(pk__in=own(person).values("pk"))
        return field


def _may_change(request: HttpRequest, row: Model | None) -> bool:
    return not isinstance(row, User | Group) or user_fence.may_change(_signed_in(request), row)


def _signed_in(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # noqa: S101 - the admin's pages ask for a sign-in
    return request.user


class KnownRows(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]
    def _check_values(self, value: Any) -> Any:  # noqa: ANN401 - as Django has it
        try:
            # SQLite refuses a number beyond its integers only when it is asked.
            return list(super()._check_values(value))  # type: ignore[misc] # not declared
        except OverflowError as error:
            raise forms.ValidationError("Choose rows that are there.") from error


class PicksRows(admin.ModelAdmin):  # type: ignore[type-arg]
    def formfield_for_manytomany(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as above
        return super().formfield_for_manytomany(*args, **{**kwargs, "form_class": KnownRows})


class PasswordIsSet(UnfoldReadOnlyPasswordHashWidget):  # type: ignore[misc]  # the skin ships no types
    """Says whether there is a password, not how it is hashed."""

    def get_context(self, *args: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context(*args)
        if len(context["summary"]) > 1:
            context["summary"] = [{"label": "Set"}]
        return context


class PersonForm(UserChangeForm):  # type: ignore[misc]  # as above
    RIGHTS: ClassVar = {
        "is_active": "May sign in. Switch this off instead of deleting the user.",
        "is_staff": "May use the admin, as far as the rights below go.",
        "is_superuser": "Has every right.",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password"].widget = PasswordIsSet()
        # Some see a right without a field for it.
        for name in self.RIGHTS.keys() & self.fields.keys():
            self.fields[name].help_text = self.RIGHTS[name]


@admin.register(User)
class PersonAdmin(PicksRows, FencedAdmin, UserAdmin, BaseAdmin):  # type: ignore[type-arg]  # not generic at run time
    """The admin's users; deactivated rather than deleted, since the log names them."""

    form = PersonForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    # Without Django's choice of other ways to sign in: there are none.
    add_fieldsets = ((None, {"fields": ("username", "password1", "password2")}),)
    list_display = (
        "username", "email", word_when("is_staff", "Staff"),
        word_when("is_superuser", "Superuser"), word_when("has_device", "Second factor"),
    )  # fmt: skip
    fieldsets = (
        (None, {"fields": ("username", "password", "is_active")}),
        ("Person", {"fields": ("first_name", "last_name", "email")}),
        ("Rights", {"fields": ("is_staff", "is_superuser", "groups")}),
        ("Single permissions", {"fields": ("user_permissions",), "classes": ("collapse",)}),
        ("Dates", {"fields": ("last_login", "date_joined")}),
    )
    # Plain lists: Django's two boxes need a script and cannot be read by screen readers.
    filter_horizontal = ()
    readonly_fields = ("last_login", "date_joined")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        devices = TOTPDevice.objects.filter(user=OuterRef("pk"), confirmed=True)
        people = super().get_queryset(request).annotate(has_device=Exists(devices))
        return cast("QuerySet[Any]", people)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:  # noqa: ANN401 - Django's
        fixed = super().get_readonly_fields(request, obj)
        return fixed if request.user.is_superuser else (*fixed, "is_superuser")

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Deleting users would delete the log of what they did."""
        return False

    def may_act(self, request: HttpRequest, row: Model) -> bool:
        return bool(request.user.is_superuser)

    def row_actions(self, request: HttpRequest, row: Any) -> Sequence[RowAction]:  # noqa: ANN401 - a user
        if not row.has_device:
            return ()
        words = "For a lost device: then the password is enough, or leads to setting up a new one."
        name = "remove-second-factor"
        label = "Remove second factor"
        return [RowAction(name=name, label=label, explanation=words, is_dangerous=True)]

    def action_urls(self) -> list[URLPattern]:
        return [self.action_url("remove-second-factor", self._remove_second_factor)]

    def _remove_second_factor(self, request: HttpRequest, row: User) -> None:
        if second_factor.remove(person=row, by=_signed_in(request)):
            messages.success(request, "Second factor removed.")


@admin.register(Group)
class PeopleGroupAdmin(PicksRows, FencedAdmin, GroupAdmin, BaseAdmin):
    filter_horizontal = ()


@admin.register(LogEntry)
class LogEntryAdmin(ReadOnlyAdmin, FilteredAdmin):
    when_empty = "Nobody has changed anything yet."
    list_display = ("action_time", "user", "action", "kind", "row_named", "what")
    list_select_related = ("user", "content_type")
    list_filter = between("action_time")
    fields = ("action_time", "user", "action", "kind", "row", "what")
    readonly_fields = ("action", "kind", "row", "what")

    @admin.display(description="action")
    def action(self, entry: LogEntry) -> str:
        return str(entry.get_action_flag_display())

    @admin.display(description="kind")
    def kind(self, entry: LogEntry) -> str:
        return entry.content_type.name.capitalize() if entry.content_type else "-"

    @admin.display(description="name")
    def row_named(self, entry: LogEntry) -> str:
        return entry.object_repr

    @admin.display(description="name")
    def row(self, entry: LogEntry) -> str | SafeString:
        address, name = entry.get_admin_url(), entry.object_repr
        return sentence('<a href="{}">{}</a>', address, name) if address else name

    @admin.display(description="what")
    def what(self, entry: LogEntry) -> str | SafeString:
        return entry.get_change_message()
