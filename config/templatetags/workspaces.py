"""Which workspace a page of the admin shows."""

from django import template
from django.core.exceptions import FieldDoesNotExist
from django.template.context import RequestContext

from config import workspace_choice

register = template.Library()


@register.simple_tag(takes_context=True)
def workspace_shown(context: RequestContext) -> str:
    """Return the workspace's name; empty for pages of the installation, such as its users."""
    options = context.get("opts")
    if "workspace_choice" not in context or options is None:
        return ""
    try:
        options.get_field("workspace")
    except FieldDoesNotExist:
        return ""
    return workspace_choice.shown(context.request)
