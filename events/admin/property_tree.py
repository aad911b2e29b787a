"""An event's properties as a tree whose paths can be copied into filters and merge tags."""

import json
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from config.readable import json_value
from events.language.paths import below, in_list


def tree(properties: dict[str, Any]) -> SafeString:
    """Return nested tables of keys with their paths and values, and the raw JSON, folded.

    Stored values nest 20 deep at most, so recursion is bounded.
    """
    if not properties:
        return json_value(properties)
    raw = json.dumps(properties, indent=2, ensure_ascii=False)
    return format_html(
        '{}<details class="cueline-raw"><summary>Raw JSON</summary><pre>{}</pre></details>',
        _branch(properties, ""),
        raw,
    )


def _branch(value: Any, path: str | None) -> SafeString:  # noqa: ANN401 - any JSON value
    """Return a value; `path` leads to it, and is None where no path does."""
    if isinstance(value, dict) and value:
        rows = ((_key(key, path), _branch(each, below(path, key))) for key, each in value.items())
        return format_html(
            '<table class="cueline-json"><tbody>{}</tbody></table>',
            format_html_join("", '<tr><th scope="row">{}</th><td>{}</td></tr>', rows),
        )
    if isinstance(value, list) and value:
        items = ((_branch(each, in_list(path)),) for each in value)
        lines = format_html_join("", "<li>{}</li>", items)
        return format_html('<ol class="cueline-json">{}</ol>', lines)
    return json_value(value)


def _key(key: str, above: str | None) -> SafeString:
    """Return the key, with its path below it if that is longer."""
    path = below(above, key)
    if path is None:
        return format_html("{}", key)
    if path == key:
        return format_html('<span class="cueline-property" data-copy="{}">{}</span>', path, key)
    longer = '{}<br><small class="cueline-property" data-copy="{}">{}</small>'
    return format_html(longer, key, path, path)
