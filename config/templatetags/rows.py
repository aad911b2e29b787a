"""How the head of a page names a row, and where it leads."""

from django import template
from django.contrib.admin import site
from django.db.models import Model

from config.admin_links import page_url

register = template.Library()
register.simple_tag(page_url, name="page_of")


@register.simple_tag
def heading_of(row: Model) -> str:
    """Return a row's heading: its admin's, for rows that an id names, else its own name."""
    heading = getattr(site.get_model_admin(type(row)), "heading", None)
    return str(heading(row) if heading else row)
