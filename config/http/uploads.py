"""Which pages take multipart bodies, and who may send files.

A view says so by one of two decorators; anywhere else a multipart body is refused by its headers.
Such bodies are in memory, as all are (`FILE_UPLOAD_HANDLERS`): no file reaches the disk.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any, TypeVar

from django.contrib.auth import get_user
from django.contrib.sessions.middleware import SessionMiddleware
from django.core.handlers.wsgi import WSGIRequest, get_path_info
from django.db import close_old_connections
from django.http import HttpResponse
from django.urls import Resolver404, resolve

from config.http.errors import API_PREFIX
from config.http.refusals import Refusal
from config.sign_in.middleware import signed_in

NO_FORM = Refusal(415, "UNSUPPORTED_MEDIA_TYPE", "This page takes no multipart body.")
NO_FILES = Refusal(415, "UNSUPPORTED_MEDIA_TYPE", "This page takes no files.")
NOT_ALLOWED = Refusal(403, "FORBIDDEN", "Sign in as somebody who may send files to this page.")
# The part's own header; a browser gives every file a name, an empty one too.
_FILE = re.compile(
    rb"^content-disposition:[^\r\n]*;\s*filename\*?\s*=", re.IGNORECASE | re.MULTILINE
)
_MARK = "cueline_form"
View = TypeVar("View", bound=Callable[..., HttpResponse])


@dataclass(frozen=True, slots=True)
class Form:
    """What a page takes; `permission` is that of the staff who may send files, None for nobody."""

    permission: str | None = None

    def judge_sender(self, environ: Mapping[str, Any]) -> Refusal | None:
        """Refuse senders without session, second factor or permission, by their headers."""
        request = WSGIRequest({**environ, "wsgi.input": BytesIO()})
        try:
            SessionMiddleware(lambda _: HttpResponse()).process_request(request)
            user = signed_in(request, get_user(request))
            is_allowed = getattr(user, "is_staff", False) and user.has_perm(self.permission or "")
        finally:
            close_old_connections()
        return None if is_allowed else NOT_ALLOWED

    def judge(self, body: bytes) -> Refusal | None:
        return NO_FILES if self.permission is None and _FILE.search(body) else None


def takes_forms(view: View) -> View:
    """Let a page take multipart bodies without files."""
    setattr(view, _MARK, Form())
    return view


def takes_files(permission: str) -> Callable[[View], View]:
    """Let a page take files, from staff who have the permission."""

    def mark(view: View) -> View:
        setattr(view, _MARK, Form(permission))
        return view

    return mark


def form_of(environ: dict[str, Any]) -> Form | Refusal | None:
    """Return what the page of a multipart request takes; None for any other request."""
    if not environ.get("CONTENT_TYPE", "").lower().startswith("multipart/"):
        return None
    path = get_path_info(environ)
    if path.startswith(API_PREFIX):
        # Its answer is JSON, and depends on the key.
        return None
    try:
        view = resolve(path).func
    except Resolver404:
        return None
    form: Form | None = getattr(view, _MARK, None)
    return form or NO_FORM
