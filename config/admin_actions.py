"""Actions on one row, from its page: buttons that POST, with CSRF, permission and log entry.

The skin's own one-click actions run on GET and are not used.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.contrib.admin.models import LogEntry
from django.contrib.admin.utils import unquote
from django.contrib.auth import get_permission_codename
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.views.decorators.http import require_POST, require_safe

from config.admin_links import page_url, view_url
from config.admin_times import RowsByTheirClock, name_zones_in, show_by_clock, with_times

# The skin ships no types, and Django's classes are generic for the type checker only.
if TYPE_CHECKING:
    from django.contrib.admin.views.main import ChangeList

    SkinAdmin = ModelAdmin[Any]
else:
    from unfold.admin import ModelAdmin as SkinAdmin

NOT_ENDED = "begun, but not ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class RowAction:
    """A button on a row's page; `name` is the last part of the address that it posts to."""

    name: str
    label: str
    # A sentence beside the button: what it does.
    explanation: str = ""
    is_dangerous: bool = False
    # A link instead of the button, to a page that asks first.
    is_link: bool = False
    # Folded away where the page has many.
    is_minor: bool = False


class ActingAdmin(SkinAdmin):
    """An admin page with buttons for the actions that its row allows now.

    Times are shown by the clock of the row's workspace.
    """

    change_form_outer_before_template = "admin/row_actions.html"

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Any:  # noqa: ANN401 - each page knows its model
        row = super().get_object(request, object_id, from_field)
        show_by_clock(request, row)
        return row

    def get_changelist_instance(self, request: HttpRequest) -> "ChangeList":
        found = super().get_changelist_instance(request)
        found.result_list = RowsByTheirClock(request, found.result_list)
        found.list_display = with_times(self.model, found.list_display)
        if found.list_display_links:
            found.list_display_links = with_times(self.model, found.list_display_links)
        return found

    def row_actions(self, request: HttpRequest, row: Any) -> Sequence[RowAction]:  # noqa: ANN401 - each page knows its model
        """Return the actions that the row allows now."""
        return ()

    def may_act(self, request: HttpRequest, row: Model) -> bool:
        """Tell whether the user may start actions, even if no field may be changed."""
        codename = get_permission_codename("change", self.opts)
        return bool(request.user.has_perm(f"{self.opts.app_label}.{codename}"))

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        row = kwargs.get("obj")
        if row is not None and self.may_act(request, row):
            context["row_actions"] = [
                (action, view_url(row, action.name)) for action in self.row_actions(request, row)
            ]
            context["minor_actions"] = [each for each in context["row_actions"] if each[0].is_minor]
        name_zones_in(context["adminform"], self.model)
        return super().render_change_form(request, context, *args, **kwargs)

    def get_urls(self) -> list[URLPattern]:
        """Put the actions' addresses before Django's own, which match any path."""
        return [*self.action_urls(), *super().get_urls()]

    def action_urls(self) -> list[URLPattern]:
        return []

    def tell_done(self, request: HttpRequest, row: Model, words: str, *, said: str = "") -> None:
        """Log what was done to a row, and show it to the operator; `said` in other words."""
        self.log_change(request, row, words)
        messages.success(request, said or f"{words}.")

    def log_begun(self, request: HttpRequest, row: Model, words: str) -> LogEntry:
        """Log what takes several transactions before the first: it may break off half-way."""
        return self.log_change(request, row, f"{words}: {NOT_ENDED}")

    def tell_ended(self, request: HttpRequest, begun: LogEntry, words: str) -> None:
        """Log what was done, in the entry of its beginning, and show it to the operator."""
        end_log(begun, words)
        messages.success(request, f"{words}.")

    def page(self, request: HttpRequest, template: str, **context: object) -> TemplateResponse:
        row = getattr(request, "row_of_page", None)
        shared = {**self.admin_site.each_context(request), "opts": self.opts, "original": row}
        return TemplateResponse(request, template, {**shared, **context})

    def action_url(
        self, name: str, act: Callable[[HttpRequest, Any], HttpResponseBase | None]
    ) -> URLPattern:
        """Return the address `<id>/<name>/` of an action that changes one row.

        It takes POST only, with CSRF and the permission to change; `act` returns the next page, or
        None for the row's page.
        """

        def view(request: HttpRequest, object_id: str) -> HttpResponseBase:
            row = self._row_or_404(request, object_id)
            if not self.may_act(request, row):
                raise PermissionDenied
            return act(request, row) or HttpResponseRedirect(page_url(row))

        return self._row_url(name, require_POST(view))

    def view_url(self, name: str, show: Callable[[HttpRequest, Any], HttpResponse]) -> URLPattern:
        """Return the address `<id>/<name>/` of a page about one row that changes nothing."""

        def view(request: HttpRequest, object_id: str) -> HttpResponse:
            row = self._row_or_404(request, object_id)
            if not self.has_view_or_change_permission(request, row):
                raise PermissionDenied
            return show(request, row)

        return self._row_url(name, require_safe(view))

    def _row_or_404(self, request: HttpRequest, object_id: str) -> Any:  # noqa: ANN401 - see above
        row = self.get_object(request, unquote(object_id))
        if row is None:
            raise Http404
        request.row_of_page = row  # type: ignore[attr-defined]  # for this request alone
        return row

    def _row_url(self, name: str, view: Callable[..., HttpResponseBase]) -> URLPattern:
        return path(
            f"<path:object_id>/{name}/",
            self.admin_site.admin_view(view),
            name=f"{self.opts.app_label}_{self.opts.model_name}_{name}",
        )


def end_log(begun: LogEntry, words: str) -> None:
    """Log what was done, in the entry of its beginning."""
    begun.change_message = words
    begun.save(update_fields=["change_message"])
