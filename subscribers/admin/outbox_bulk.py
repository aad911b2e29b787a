"""Sends again, or skips, all mails that the filters of the list match; a page asks first.

The address has the filters of the list. Of a longer list the newest rows are looked at, as many as
the list itself looks at.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib import messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.options import get_content_type_for_model
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from config import workspace_choice
from config.admin_actions import NOT_ENDED, end_log
from config.admin_base import BEFORE, BaseAdmin, UnusableAddress, list_url
from config.admin_filters import FieldFilter
from config.admin_scanning import MOST_LOOKED_AT
from subscribers.admin import reasons
from subscribers.admin.outbox_filters import OutboxList
from subscribers.models import OutgoingEmail
from subscribers.services.outbox import bulk
from subscribers.services.outbox.bulk import MOST_AT_ONCE, MailChange

if TYPE_CHECKING:
    from django.contrib.admin.views.main import ChangeList

Status = OutgoingEmail.Status
ROOT = "subscribers_outgoingemail"
STATUS = "status__exact"
# What an operator types before mails that may have arrived are sent again.
WORD = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    label: str
    done: str
    which: str
    does: str


WORDS: Mapping[MailChange, Words] = {
    MailChange.RETRY: Words(
        label="Send again",
        done="Queued again",
        which="failed",
        does="Each is queued again with the same Message-ID, and leaves in the next minutes. "
        "Everything is checked again before it is sent: people who have unsubscribed get no mail. "
        "The enrollment does not move.",
    ),
    MailChange.SKIP: Words(
        label="Skip",
        done="Skipped",
        which="queued or failed",
        does="None of them is sent any more. An enrollment that waits for its mail goes on to the "
        "next step. This cannot be undone.",
    ),
}


class ChosenMails(OutboxList):
    """The mails of a list that a change may take, instead of a page."""

    ids: list[UUID]
    is_cut = False

    def get_results(self, request: HttpRequest) -> None:
        change = change_of(request)
        if change is None:
            raise TypeError("Only a page of a change chooses mails.")
        condition = bulk.allowed(change=change, with_unknown=is_about_unknown(request, change))
        self.queryset = self.queryset.filter(condition)
        within, last = self.window()
        found = self.matching(self.queryset.filter(within))
        self.ids = list(found.values_list("pk", flat=True)[:MOST_LOOKED_AT])
        self.is_cut = last is not None
        self.narrowed_to = self._narrowed_to()
        self.result_list, self.result_count, self.full_result_count = [], 0, 0


def change_of(request: HttpRequest) -> MailChange | None:
    """Return what the page or action of the address does; None for other pages."""
    name = (request.resolver_match and request.resolver_match.url_name) or ""
    return next((each for each in MailChange if name in {_asking(each), _acting(each)}), None)


def is_about_unknown(request: HttpRequest, change: MailChange) -> bool:
    """Tell whether mails that may have arrived are sent again: only where the list shows them."""
    return change == MailChange.RETRY and request.GET.get(STATUS) == Status.UNKNOWN


def links(request: HttpRequest) -> list[tuple[str, str]]:
    """Return the words and addresses of the changes that the shown list may have."""
    query = request.GET.copy()
    query.pop(BEFORE, None)
    shown = query.get(STATUS, "")
    offered = []
    if shown in {"", Status.FAILED, Status.UNKNOWN}:
        offered.append(MailChange.RETRY)
    if shown in {"", Status.FAILED, Status.QUEUED}:
        offered.append(MailChange.SKIP)
    return [
        (f"{WORDS[each].label} all…", f"{reverse(f'admin:{_asking(each)}')}?{query.urlencode()}")
        for each in offered
    ]


class BulkPages(BaseAdmin):
    def action_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        asking, acting = view(require_safe(self.ask_for_all)), view(require_POST(self.change_all))
        return [
            *(path(f"all/{each}/", asking, name=_asking(each)) for each in MailChange),
            *(path(f"all/{each}/now/", acting, name=_acting(each)) for each in MailChange),
            *super().action_urls(),
        ]

    def ask_for_all(self, request: HttpRequest) -> HttpResponse:
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        chosen, change = self._chosen(request), change_of(request)
        if chosen is None or change is None:
            return HttpResponseRedirect(_list_of(request))
        words, count = WORDS[change], len(chosen.ids)
        with_unknown = is_about_unknown(request, change)
        return self.page(
            request,
            "admin/outbox_bulk.html",
            title=f"{words.label} all that match",
            label=f"{words.label} {min(count, MOST_AT_ONCE):,}",
            does=words.does,
            variant="danger" if change == MailChange.SKIP else "primary",
            which="of unknown delivery" if with_unknown else words.which,
            filters=list(_filters(request, chosen)),
            count=count,
            is_cut=chosen.is_cut,
            most_looked_at=MOST_LOOKED_AT,
            most_at_once=MOST_AT_ONCE,
            word=WORD if with_unknown else "",
            longest=reasons.LONGEST,
            may_act=self.has_bulk_permission(request),
            list_address=_list_of(request),
            address=f"{reverse(f'admin:{_acting(change)}')}?{request.GET.urlencode()}",
            workspace=workspace_choice.chosen(request) or "",
            newest=max(chosen.ids, default=""),
        )

    def change_all(self, request: HttpRequest) -> HttpResponse:
        if not self.has_bulk_permission(request):
            raise PermissionDenied
        chosen, change = self._chosen(request), change_of(request)
        if chosen is None or change is None:
            return HttpResponseRedirect(_list_of(request))
        back = f"{reverse(f'admin:{_asking(change)}')}?{request.GET.urlencode()}"
        with_unknown = is_about_unknown(request, change)
        if with_unknown and request.POST.get("word", "").strip().lower() != WORD:
            messages.error(request, f"Type “{WORD}”: these mails may have arrived.")
            return HttpResponseRedirect(back)
        if request.POST.get("workspace", "") != str(workspace_choice.chosen(request) or ""):
            messages.error(request, "The chosen workspace has changed. Check the mails again.")
            return HttpResponseRedirect(back)
        reason = reasons.given(request, kept_in="log")
        if reason is None:
            return HttpResponseRedirect(back)
        # Not those that came after the page was shown, which nobody has seen counted.
        newest = request.POST.get("newest", "")
        counted = [each for each in chosen.ids if str(each) <= newest]
        by = "; ".join(f"{name}: {value}" for name, value in _filters(request, chosen))
        why = f" ({by or 'no filter'}). Reason: {reason}"
        most = min(len(counted), MOST_AT_ONCE)
        begun = self._log(request, f"{WORDS[change].label} {most:,} mails: {NOT_ENDED}{why}")
        done = bulk.carry_out(
            change=change, email_ids=counted, now=timezone.now(), with_unknown=with_unknown
        )
        mails = "mail" if done.changed == 1 else "mails"
        words = f"{WORDS[change].done} {done.changed:,} {mails}"
        if done.changed:
            end_log(begun, words + why)
        else:
            begun.delete()
        left = f"; {done.left:,} have another status now" if done.left else ""
        is_more = chosen.is_cut or len(counted) > MOST_AT_ONCE
        messages.success(
            request, f"{words}{left}.{' More mails match: repeat this for the rest.' * is_more}"
        )
        return HttpResponseRedirect(back if is_more else _list_of(request))

    def has_bulk_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("subscribers.change_outgoingemail"))

    def _chosen(self, request: HttpRequest) -> ChosenMails | None:
        """Return what the address chooses; None for an address that the list would not take."""
        if not self.offered(request).issuperset(request.GET):
            return None
        try:
            found: ChangeList = self.get_changelist_instance(request)
        except UnusableAddress:
            return None
        return found if isinstance(found, ChosenMails) else None

    def _log(self, request: HttpRequest, words: str) -> LogEntry:
        return LogEntry.objects.create(
            user_id=request.user.pk or 0,
            content_type=get_content_type_for_model(OutgoingEmail),
            object_repr="Mails that match",
            action_flag=CHANGE,
            change_message=words,
        )


def _asking(change: MailChange) -> str:
    return f"{ROOT}_ask-{change}"


def _acting(change: MailChange) -> str:
    return f"{ROOT}_all-{change}"


def _list_of(request: HttpRequest) -> str:
    return f"{list_url(OutgoingEmail)}?{request.GET.urlencode()}"


def _filters(request: HttpRequest, chosen: ChosenMails) -> Iterator[tuple[str, Any]]:
    workspace = workspace_choice.of(request).chosen
    if chosen.is_of_workspace and workspace:
        yield "Workspace", workspace
    for title, choices in (("Status", Status), ("Kind", OutgoingEmail.Kind)):
        value = request.GET.get(f"{title.lower()}__exact", "")
        if value in choices.values:
            yield title, choices(value).label
    for name, row, _ in chosen.narrowed_to:
        yield name, row
    for spec in chosen.filter_specs:
        if isinstance(spec, FieldFilter) and spec.in_words:
            yield spec.title, spec.in_words
    if chosen.query:
        yield "Search", chosen.query
