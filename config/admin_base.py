"""The base of every admin list: the skin, and fast pages on a million rows.

A list shows the newest rows first and continues after the last row shown, so every page costs as
much as the first and nothing is counted. Search finds beginnings, by an index.
"""

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.admin import ShowFacets, SimpleListFilter, display
from django.contrib.admin.options import (
    IS_POPUP_VAR,
    TO_FIELD_VAR,
    IncorrectLookupParameters,
)
from django.contrib.admin.views.main import SEARCH_VAR
from django.core.exceptions import PermissionDenied, SuspiciousOperation, ValidationError
from django.core.paginator import Paginator
from django.db import DataError, connection, models
from django.db.models import ForeignKey, Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.text import capfirst

from config import workspace_choice
from config.admin_actions import ActingAdmin, RowAction, SkinAdmin
from config.admin_links import admin_url, link_to, list_url, view_url

# The skin ships no types, and Django's classes are generic for the type checker only.
if TYPE_CHECKING:
    from django.contrib.admin.views.main import ChangeList

    RowForm = forms.ModelForm[Any]
    RowPaginator = Paginator[Any]
else:
    from unfold.views import ChangeList

    RowForm = forms.ModelForm
    RowPaginator = Paginator

__all__ = [
    "BaseAdmin", "KeysetChangeList", "PagePaginator", "ReadOnlyAdmin", "RowAction", "RowForm",
    "SkinAdmin", "admin_url", "link_to", "list_url", "starting_with", "view_url", "word_when",
]  # fmt: skip

BEFORE = "before"
WORKSPACE = "workspace"
ROWS_PER_PAGE = 50
# What every list's address may hold beside its filters: search, page, and Django's own pop-ups.
OF_EVERY_LIST = (SEARCH_VAR, BEFORE, IS_POPUP_VAR, TO_FIELD_VAR)
PUBLIC_ID = re.compile("[a-z]{3}_[0-9a-f]{32}")
NOT_OFFERED = "The list has no such filter or order; it is shown without."
# How Django and the databases refuse a value that does not fit its column.
UNUSABLE = (
    IncorrectLookupParameters, SuspiciousOperation, ValidationError, ValueError, OverflowError,
    DataError,
)  # fmt: skip


def starting_with(field: str, text: str) -> Q:
    """Return the condition that a column begins with a text, in the form that the index serves.

    PostgreSQL's `text_pattern_ops` answers LIKE; SQLite's LIKE never uses an index, a range does.
    """
    if connection.vendor == "postgresql":
        return Q(**{f"{field}__startswith": text})
    return Q(**{f"{field}__gte": text, f"{field}__lt": text + chr(0x10FFFF)})


def word_when(field: str, word: str) -> Callable[[Model], str]:
    """Return a column that shows a word for the rows whose boolean is true, else nothing."""

    @display(description=word.lower(), empty_value="")
    def column(row: Model) -> str:
        return word if getattr(row, field) else ""

    return column


class PagePaginator(RowPaginator):
    """Names the template of the links to older and newest rows."""

    template_name = "admin/keyset_pagination.html"


class KeysetChangeList(ChangeList):
    """Pages by position: `before=<id>` shows what follows that row, and nothing is counted."""

    model_admin: "BaseAdmin"

    def get_queryset(
        self, request: HttpRequest, exclude_parameters: list[str | None] | None = None
    ) -> QuerySet[Any]:
        self.position = self.filter_params.pop(BEFORE, [""])[-1]
        self.params.pop(BEFORE, None)
        narrowing = self._narrowing(request)
        given = request.GET.get("workspace__id__exact", "")
        workspace_choice.note_list(request, narrowing or workspace_choice.parsed(given))
        rows = super().get_queryset(request, exclude_parameters)
        if narrowing:
            rows = rows.filter(workspace=narrowing)
        try:
            return rows.filter(self._after_position()) if self.position else rows
        except (ValidationError, ValueError, OverflowError) as error:
            raise IncorrectLookupParameters(error) from error

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        """Return the fixed order of the list: no other has an index."""
        self.sort_field = self.model_admin.sort_field_for(frozenset(self.filter_params))
        return [f"-{self.sort_field}", "-pk"] if self.sort_field else ["-pk"]

    def get_results(self, request: HttpRequest) -> None:
        """Fetch one page, and one row more to know whether there are older ones."""
        rows = list(self.queryset[: self.list_per_page + 1])
        self.result_list = shown = rows[: self.list_per_page]
        if self.is_of_workspace:
            self.list_display = [each for each in self.list_display if each != WORKSPACE]
        # Equal, so that the skin does not offer to show all.
        self.result_count = self.full_result_count = len(shown)
        self.show_full_result_count = self.show_admin_actions = False
        self.can_show_all = self.multi_page = False
        self.paginator = PagePaginator(shown, self.list_per_page)
        is_last = len(rows) <= self.list_per_page
        self.older = None if is_last else self.get_query_string({BEFORE: str(shown[-1].pk)})
        self.newest = self.get_query_string() if self.position else None
        self.narrowed_to = self._narrowed_to()

    def _narrowing(self, request: HttpRequest) -> UUID | None:
        """Return the chosen workspace, except where a link chose a row that all belong to, or
        somebody looks for an id.
        """
        of_links = [each for each in self.list_filter if getattr(each, "is_by_link", False)]
        is_by_link = any(name.endswith("__id__exact") for name in self.filter_params) or any(
            getattr(each, "parameter_name", "") in request.GET for each in of_links
        )
        is_by_id = PUBLIC_ID.fullmatch(self.query.strip()) is not None
        is_chosen = workspace_choice.chosen(request) is not None and _has_workspace(self.model)
        self.is_of_workspace = is_chosen and not is_by_link and not is_by_id
        return workspace_choice.narrowing(request) if self.is_of_workspace else None

    def _after_position(self) -> Q:
        row_id = self.model._meta.pk.to_python(self.position)
        if self.sort_field is None:
            return Q(pk__lt=row_id)
        last_shown = self.root_queryset.filter(pk=row_id).values_list(self.sort_field, flat=True)
        value = last_shown.first()
        if value is None:
            raise ValueError("The row that the page should go on from is gone.")
        field = self.sort_field
        # The index is read by the first part alone.
        return Q(**{f"{field}__lte": value}) & (Q(**{f"{field}__lt": value}) | Q(pk__lt=row_id))

    def _narrowed_to(self) -> list[tuple[str, Model | None, str]]:
        """Return the filters set by a link: name, row, and address of the list without it."""
        found = []
        for parameter, values in self.filter_params.items():
            name = parameter.removesuffix("__id__exact")
            if name == parameter or name in self.list_filter:
                continue
            field = self.lookup_opts.get_field(name)
            if not isinstance(field, ForeignKey):
                continue
            row = field.related_model._default_manager.filter(pk=values[-1]).first()
            rest = self.get_query_string(remove=[parameter])
            found.append((str(capfirst(field.verbose_name)), row, rest))
        return found


def _has_workspace(model: type[Model]) -> bool:
    return any(field.name == WORKSPACE for field in model._meta.fields)


class UnusableAddress(Exception):
    """A value in a list's address cannot be used."""


class BaseAdmin(ActingAdmin):
    """A table in the admin: pages by position, search by beginnings, nothing counted."""

    actions = None
    sortable_by = ()
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    list_per_page = ROWS_PER_PAGE
    list_filter_sheet = True
    list_before_template = "admin/narrowed_to.html"

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[KeysetChangeList]:
        return KeysetChangeList

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the list; of an address that it cannot use, leave out a part, with a notice."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        usable = request.GET.copy()
        for name in request.GET.keys() - self.offered(request):
            del usable[name]
        try:
            if usable == request.GET:
                return super().changelist_view(request, extra_context)
        except UnusableAddress:
            usable.clear()
        messages.warning(request, NOT_OFFERED)
        return HttpResponseRedirect(f"{request.path}?{usable.urlencode()}".rstrip("?"))

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """Fetch the page; raises `UnusableAddress` where a value has the wrong form."""
        try:
            return super().get_changelist_instance(request)
        except UNUSABLE as error:
            if not request.GET:
                raise
            raise UnusableAddress from error

    def offered(self, request: HttpRequest) -> set[str]:
        """Return the parameters that the list's address may hold."""
        names = {*OF_EVERY_LIST}
        for each in self.get_list_filter(request):
            if isinstance(each, str):
                names |= {f"{each}__{lookup}" for lookup in ("exact", "id__exact", "isnull")}
            elif isinstance(each, type) and issubclass(each, SimpleListFilter):
                names.add(str(each.parameter_name))
        # Links from the page of one row to the list of those that belong to it.
        return names | {f"{each.name}__id__exact" for each in self.opts.fields if each.is_relation}

    def get_list_filter(self, request: HttpRequest) -> Any:  # noqa: ANN401 - as Django has it
        """Leave out the filter by workspace where one is chosen."""
        filters = super().get_list_filter(request)
        is_chosen = workspace_choice.chosen(request) is not None
        return [each for each in filters if each != WORKSPACE] if is_chosen else filters

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Model | None:
        # Python reads the digits of every script as numbers.
        is_id = object_id.isascii()
        row: Model | None = super().get_object(request, object_id, from_field) if is_id else None
        workspace_choice.note_row(request, row)
        return row

    def formfield_for_foreignkey(
        self,
        db_field: Any,  # noqa: ANN401 - the types of Django's two admin classes differ
        request: HttpRequest,
        **kwargs: Any,
    ) -> Any:  # noqa: ANN401 - as above
        """Offer the chosen workspace alone to a new row."""
        chosen = workspace_choice.chosen(request)
        match = request.resolver_match
        is_new = not (match and "object_id" in match.kwargs)
        if chosen and is_new and db_field.name == WORKSPACE:
            rows = db_field.related_model._default_manager.filter(pk=chosen)
            kwargs |= {"queryset": rows, "initial": chosen}
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Return nothing: filled from its address, a form fails at some values."""
        return {}

    def sort_field_for(self, filters: frozenset[str]) -> str | None:
        """Return the sort column of a list with these lookups; None: by id, as received."""
        return None

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Find rows whose `search_fields` begin with the text."""
        text = search_term.strip().replace("\0", "")
        if not text:
            return queryset, False
        workspace_id = workspace_choice.of_list(request)
        return queryset.filter(self.search_condition(text, workspace_id)), False

    def search_condition(self, text: str, workspace_id: UUID | None) -> Q:
        """Return the condition for rows; `workspace_id` is set where the list shows one only."""
        condition = Q(pk__in=[])
        for field in self.search_fields:
            condition |= starting_with(field, self.fold(field, text))
        return condition

    def fold(self, field: str, text: str) -> str:
        """Return the text in the form that the column stores."""
        return text

    def get_deleted_objects(
        self, objs: Sequence[Any] | QuerySet[Any], request: HttpRequest
    ) -> tuple[list[Any], dict[str, int], set[str], list[Any]]:
        """Name the rows only: a million rows may depend on them."""
        rows = list(objs)
        protected = [reason for row in rows for reason in self.reasons_to_keep(row)]
        label = str(self.opts.verbose_name_plural)
        return [str(row) for row in rows], {label: len(rows)}, set(), protected

    def reasons_to_keep(self, row: Any) -> list[str]:  # noqa: ANN401 - each page knows its model
        """Return what prevents deleting a row, a few at most."""
        return []


class ReadOnlyAdmin(BaseAdmin):
    """A table of the engine's rows or a ledger: only services change them."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False
