"""How the admin looks: its name, its styles, the entries of the sidebar and their order."""

from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils.text import format_lazy

PEOPLE = reverse_lazy("admin:subscribers_subscriber_changelist")
# Filters the list of subscribers by how many days they have not confirmed.
PENDING_FOR = "pending_for"
# Looks at the installation: superusers and the group of operators.
SYSTEM_PERMISSION = "subscribers.change_installation"


def _item(title: str, icon: str, model: str) -> dict[str, Any]:
    """Return an entry for those who may look at a model's list."""
    app, _, name = model.rpartition("_")
    rights = (f"{app}.view_{name}", f"{app}.change_{name}")
    return {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(f"admin:{model}_changelist"),
        "permission": lambda request: any(request.user.has_perm(right) for right in rights),
    }


def _group(title: str, *items: dict[str, Any]) -> dict[str, Any]:
    return {"title": title, "items": list(items)}


def _is_at_people(request: HttpRequest, *, is_pending: bool) -> bool:
    is_narrowed = PENDING_FOR in request.GET
    return request.path.startswith(str(PEOPLE)) and is_narrowed == is_pending


def _icon(_request: HttpRequest) -> str:
    return static("cueline/icon.svg")


PRIMARY = {
    "50": "#eef6f5", "100": "#d5e9e6", "200": "#aed4cf", "300": "#7fb8b1", "400": "#539a92",
    "500": "#387e77", "600": "#2b655f", "700": "#25524e", "800": "#214240", "900": "#1e3836",
    "950": "#0d1f1e",
}  # fmt: skip
UNFOLD = {
    "SITE_TITLE": "Cueline",
    "SITE_HEADER": "Cueline",
    "SITE_SYMBOL": "theater_comedy",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": _icon}],
    "SITE_URL": None,
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "BORDER_RADIUS": "6px",
    "DASHBOARD_CALLBACK": "events.admin.home.show",
    "GLOBAL_CALLBACK": "config.workspace_choice.context",
    "ACCOUNT": {
        "navigation": [
            {"title": "Change password", "link": reverse_lazy("change-password")},
            {"title": "Second factor", "link": reverse_lazy("second-factor")},
        ],
    },
    "STYLES": [lambda _request: static("cueline/admin.css")],
    "SCRIPTS": [lambda _request: static("cueline/menus.js")],
    "COLORS": {"primary": PRIMARY},
    "SIDEBAR": {
        "show_search": False,
        "navigation": [
            _group(
                "Audience",
                {
                    **_item("Subscribers", "group", "subscribers_subscriber"),
                    "active": lambda request: _is_at_people(request, is_pending=False),
                },
                {
                    **_item("Pending people", "hourglass_empty", "subscribers_subscriber"),
                    "link": format_lazy("{}?{}=0", PEOPLE, PENDING_FOR),
                    "active": lambda request: _is_at_people(request, is_pending=True),
                },
                _item("Suppressions", "block", "subscribers_suppression"),
                _item("Consent ledger", "contract", "subscribers_consentrecord"),
                _item("Tags", "sell", "subscribers_tag"),
                _item("Lists", "list_alt", "subscribers_list"),
                _item("Segments", "filter_alt", "subscribers_segment"),
            ),
            _group(
                "Events",
                _item("Events", "bolt", "events_event"),
                _item("Event definitions", "category", "events_eventdefinition"),
                _item("Sync rules", "rule", "events_syncrule"),
                _item("Retries", "error", "events_failedstage"),
            ),
            _group(
                "Sequences",
                _item("Sequences", "route", "events_sequence"),
                _item("Enrollments", "directions_walk", "events_enrollment"),
                _item("Mass enrollments", "group_add", "events_audienceenrollment"),
                _item("Outbox", "outgoing_mail", "subscribers_outgoingemail"),
            ),
            _group(
                "Set-up",
                _item("Workspaces", "domain", "subscribers_workspace"),
                _item("API keys", "key", "subscribers_apikey"),
                _item("Imports", "upload_file", "subscribers_importrun"),
                {
                    "title": "System",
                    "icon": "monitor_heart",
                    "link": reverse_lazy("system"),
                    "permission": lambda request: request.user.has_perm(SYSTEM_PERMISSION),
                },
                _item("Workers", "memory", "events_worker"),
                _item("Mail servers", "mail", "subscribers_mailflow"),
                _item("Installation", "dns", "subscribers_installation"),
                _item("Users", "person", "auth_user"),
                _item("Groups", "groups", "auth_group"),
                _item("Sign-ins", "login", "sign_in_signin"),
                _item("Log entries", "history", "admin_logentry"),
                {"title": "Handbook", "icon": "menu_book", "link": reverse_lazy("handbook")},
            ),
        ],
    },
}
