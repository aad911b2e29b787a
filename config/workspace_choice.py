"""The workspace that an operator looks at: chosen in the sidebar, kept in the session.

It narrows lists and presets forms. It is no fence: who may see a list may see it of all workspaces.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from subscribers.models import Workspace

SESSION_KEY = "workspace"
# More do not fit into a menu.
MOST_OFFERED = 200


@dataclass(frozen=True, slots=True)
class Choice:
    """The workspaces that the menu offers, and the chosen one; None: all of them."""

    offered: Sequence[Workspace]
    chosen: Workspace | None

    @property
    def is_open(self) -> bool:
        """Tell whether there is anything to choose."""
        return len(self.offered) > 1

    def named(self, workspace_id: UUID) -> Workspace | None:
        known = [*self.offered, self.chosen] if self.chosen else self.offered
        return next((each for each in known if each.pk == workspace_id), None)


def of(request: HttpRequest) -> Choice:
    """Return the choice; with a single workspace it is as if chosen. One query a request."""
    known: Choice | None = getattr(request, "workspace_choice", None)
    if known is None:
        known = _read(request)
        request.workspace_choice = known  # type: ignore[attr-defined]  # for this request alone
    return known


def chosen(request: HttpRequest) -> UUID | None:
    """Return the id of the workspace that the page shows; None: all of them."""
    workspace = of(request).chosen
    return workspace.pk if workspace else None


def narrowing(request: HttpRequest) -> UUID | None:
    """Return the id that a list must be filtered by; None where that would change nothing."""
    return chosen(request) if of(request).is_open else None


def note_list(request: HttpRequest, workspace_id: UUID | None) -> None:
    """Note the one workspace whose rows the list shows; None where there may be several."""
    request.workspace_of_list = workspace_id  # type: ignore[attr-defined]  # as above


def of_list(request: HttpRequest) -> UUID | None:
    """Return the noted workspace: a search that keeps the first few people looks there alone."""
    return getattr(request, "workspace_of_list", None)


def note_row(request: HttpRequest, row: object) -> None:
    """Note whose row the page shows: a direct link may lead to a workspace that is not chosen."""
    workspace_id = row.pk if isinstance(row, Workspace) else getattr(row, "workspace_id", None)
    if workspace_id:
        request.workspace_of_row = workspace_id  # type: ignore[attr-defined]  # as above


def shown(request: HttpRequest) -> str:
    """Return the name of the workspace that the page shows."""
    choice = of(request)
    row_id: UUID | None = getattr(request, "workspace_of_row", None)
    workspace = choice.named(row_id) if row_id else choice.chosen
    if workspace:
        return workspace.name
    return "Another workspace" if row_id else "All workspaces"


def context(request: HttpRequest) -> dict[str, Any]:
    """Return what the sidebar shows, on every page; the skin calls this."""
    user = request.user
    may_look = user.has_module_perms("subscribers") or user.has_module_perms("events")
    return {"workspace_choice": of(request)} if user.is_staff and may_look else {}


@require_POST
def choose(request: HttpRequest) -> HttpResponse:
    """Keep the choice, and go back to the page without its filters: they may name foreign rows."""
    text = request.POST.get("workspace", "")
    workspace_id = parsed(text)
    if workspace_id and Workspace.objects.filter(pk=workspace_id).exists():
        request.session[SESSION_KEY] = workspace_id.hex
    else:
        request.session.pop(SESSION_KEY, None)
        if text:
            messages.warning(request, "There is no such workspace. All are shown.")
    address = request.POST.get("next", "").partition("?")[0]
    home = reverse("admin:index")
    is_ours = address.startswith(home) and url_has_allowed_host_and_scheme(
        address, allowed_hosts=None
    )
    return HttpResponseRedirect(address if is_ours else home)


def _read(request: HttpRequest) -> Choice:
    rows = Workspace.objects.only("name", "timezone", "is_mail_paused")
    offered = list(rows.order_by("name", "pk")[:MOST_OFFERED])
    if len(offered) == 1:
        return Choice(offered, offered[0])
    chosen_id = parsed(request.session.get(SESSION_KEY, ""))
    found = next((each for each in offered if each.pk == chosen_id), None)
    if chosen_id and not found and len(offered) == MOST_OFFERED:
        found = rows.filter(pk=chosen_id).first()
    return Choice(offered, found)


def parsed(text: str) -> UUID | None:
    try:
        return UUID(text)
    except (ValueError, AttributeError, TypeError):
        return None
