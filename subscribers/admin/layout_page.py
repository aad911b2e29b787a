"""The layout of mails on a workspace's page: how it looks around a sample."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from config.admin_base import BaseAdmin, view_url
from subscribers.admin.mail_preview import as_stored, frame, sandboxed
from subscribers.models import Workspace
from subscribers.services.consent import trial
from subscribers.templating.mail import TemplateFault


class LayoutPage(BaseAdmin):
    def action_urls(self) -> list[URLPattern]:
        return [*super().action_urls(), self.view_url("layout-preview", _preview)]

    @admin.display(description="as it is stored")
    def layout_shown(self, workspace: Workspace) -> str | SafeString:
        stored = as_stored(workspace)
        if not stored.mail_layout:
            return "There is none: mails go as they are."
        try:
            _sample(stored)
        except TemplateFault as fault:
            return format_html("It cannot be rendered, so mails fail. {}", str(fault))
        return frame(view_url(workspace, "layout-preview"))


def _preview(_request: HttpRequest, workspace: Workspace) -> HttpResponse:
    try:
        return sandboxed(_sample(workspace))
    except TemplateFault:
        return sandboxed("")


def _sample(workspace: Workspace) -> str:
    return trial.in_layout(workspace=workspace, now=timezone.now())
