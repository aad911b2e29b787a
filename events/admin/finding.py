"""What the search of the whole admin finds (Ctrl+K): people, sequences and other rows, and pages.

People are looked up as their list searches, by its indexes; of sequences, tags and the like there
are few, and any part of the name will do. A public id finds its row alone. It shows what the person
may see: of the chosen workspace by words, of every workspace by an id.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from django.contrib.admin import site
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.views.decorators.http import require_safe

from config import workspace_choice
from config.admin_links import page_url
from events.models import Enrollment, Event, EventDefinition, Sequence
from subscribers import ids
from subscribers.models import List, OutgoingEmail, Segment, Subscriber, Tag

MOST_OF_A_KIND = 6
LONGEST_TEXT = 200
# By the beginning of their public ids.
NAMED: dict[str, type[Model]] = {
    "seq": Sequence, "def": EventDefinition, "tag": Tag, "lst": List, "seg": Segment,
}  # fmt: skip
KINDS: dict[str, type[Model]] = {
    **NAMED, "sub": Subscriber, "evt": Event, "enr": Enrollment, "eml": OutgoingEmail,
}  # fmt: skip


class Found(NamedTuple):
    """A line of the answer."""

    title: str
    description: str
    link: str


@require_safe
def find(request: HttpRequest) -> HttpResponse:
    """Answer what a text finds, for the skin's script."""
    text = request.GET.get("s", "").replace("\0", "").strip()[:LONGEST_TEXT]
    # Lists keep only the first few people of a name: those of the chosen workspace.
    workspace_choice.note_list(request, workspace_choice.narrowing(request))
    found = [*_rows(request, text), *_pages(request, text)] if text else []
    return TemplateResponse(
        request, "unfold/helpers/command_results.html", {"found": found, "text": text}
    )


def _rows(request: HttpRequest, text: str) -> Iterator[Found]:
    row_id = ids.decode(prefix := text.partition("_")[0], text)
    if row_id and prefix in KINDS:
        yield from _shown(request, _seen(request, KINDS[prefix]).filter(pk=row_id))
        return
    chosen = workspace_choice.narrowing(request)
    of_chosen = {"workspace": chosen} if chosen else {}
    people = _seen(request, Subscriber).filter(**of_chosen)
    found, _ = site.get_model_admin(Subscriber).get_search_results(request, people, text)
    yield from _shown(request, found)
    for kind in NAMED.values():
        yield from _shown(request, _seen(request, kind).filter(name__icontains=text, **of_chosen))


def _seen(request: HttpRequest, kind: type[Model]) -> QuerySet[Any]:
    """Return the rows of a kind, none where the person may not see them."""
    rows = kind._default_manager.select_related("workspace").order_by("-pk")
    may_see = site.get_model_admin(kind).has_view_or_change_permission(request)
    return rows if may_see else rows.none()


def _shown(request: HttpRequest, rows: QuerySet[Any]) -> Iterator[Found]:
    is_open = workspace_choice.of(request).is_open
    for row in rows[:MOST_OF_A_KIND]:
        kind = str(row._meta.verbose_name)
        yield Found(str(row), f"{kind} of {row.workspace}" if is_open else kind, page_url(row))


def _pages(request: HttpRequest, text: str) -> Iterator[Found]:
    """Yield the entries of the menu with the text in their names."""
    for group in site.get_sidebar_list(request):  # type: ignore[attr-defined]  # the skin's site
        for item in group["items"]:
            if item["has_permission"] and text.lower() in str(item["title"]).lower():
                yield Found(str(item["title"]), str(group["title"]), str(item["link"]))
