"""Every page of the admin about given rows, found from the URL conf: new views are in it."""

from collections.abc import Iterable, Iterator

from django.db.models import Model
from django.urls import URLPattern, URLResolver, get_resolver

# What a page needs to know besides the row.
ASKING = {
    "compare": "?old=1&new=1",
    "mail": "?number=1",
    "mail-html": "?number=1",
    "step": "?number=1",
    "step-mail": "?number=1",
}
# Not pages of ours: parts that scripts fetch, ways elsewhere, and Django's index of an app.
NO_PAGES = ("jsi18n/", "autocomplete/", "search/", "logout/", "r/<path", "login/", "^", "(?P<")


def addresses(rows: Iterable[Model]) -> list[str]:
    """Return the address of each view; fails for a model without a row."""
    row_of = {f"{row._meta.app_label}/{row._meta.model_name}": row for row in rows}
    return [_filled(route, row_of) for route in _routes() if route]


def _routes() -> Iterator[str]:
    def walk(patterns: list[URLPattern | URLResolver], prefix: str) -> Iterator[str]:
        for pattern in patterns:
            route = prefix + str(pattern.pattern)
            if isinstance(pattern, URLResolver):
                yield from walk(pattern.url_patterns, route)
            else:
                yield route

    for route in walk(get_resolver().url_patterns, "/"):
        place = route.removeprefix("/admin/")
        if place != route and not place.startswith(NO_PAGES):
            # `<id>/` alone leads on to the form; a simulated mail is part of its page.
            is_page = not place.endswith(("<path:object_id>/", "simulated-mail/"))
            yield route if is_page else ""


def _filled(route: str, row_of: dict[str, Model]) -> str:
    parts = route.split("/")
    if len(parts) <= 4 or ("<path:object_id>" not in parts and "<id>" not in parts):
        return route
    row = row_of["/".join(parts[2:4])]
    address = route.replace("<path:object_id>", str(row.pk)).replace("<id>", str(row.pk))
    return address + ASKING.get(parts[-2], "")
