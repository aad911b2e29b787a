"""Django's request, whose texts are UTF-8 whatever charset a caller names."""

from collections.abc import Mapping
from typing import Any

from django.core.handlers.wsgi import WSGIRequest
from django.utils.http import parse_header_parameters


class Utf8Request(WSGIRequest):
    """Not one that fails at a charset.

    Django would decode addresses and forms by any codec of Python's, such as base64 or idna.
    """

    def _set_content_type_params(self, meta: Mapping[str, Any]) -> None:
        try:
            found = parse_header_parameters(meta.get("CONTENT_TYPE", ""))
        except (LookupError, ValueError):
            # A parameter may name a codec, too (RFC 2231).
            found = ("", {})
        self.content_type, self.content_params = found
