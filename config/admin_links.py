"""Addresses of rows and lists in the admin, and links to them."""

from urllib.parse import urlencode

from django.contrib.admin import site
from django.db.models import Model
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString


def link_to(row: Model, text: str | None = None) -> SafeString:
    """Return a link to a row's page; a text whose direction could turn others is set apart."""
    words = str(row) if text is None else text
    shown = words if words.isascii() else format_html("<bdi>{}</bdi>", words)
    return format_html('<a href="{}">{}</a>', page_url(row), shown)


def page_url(row: Model) -> str:
    """Return the address of the page that shows a row: its form, unless its admin has another."""
    form = admin_url(row)  # Loads the addresses, and with them what is registered.
    name = getattr(site.get_model_admin(type(row)), "page_name", "")
    return view_url(row, name) if name else form


def admin_url(row: Model) -> str:
    return view_url(row, "change")


def view_url(row: Model, name: str) -> str:
    """Return the address of one of a row's own views, such as an action."""
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_{name}", args=[row.pk])


def list_url(model: type[Model], **filters: object) -> str:
    """Return the address of a model's list, filtered by lookups such as `tag__id__exact`."""
    address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    return f"{address}?{urlencode(filters)}" if filters else address
