"""Pages behind the web's entry for its tests: `granian … tests.support.entry_pages:application`."""

import os
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.http import FileResponse, HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt

from config import rsgi
from config.http.client_ip import client_ip
from config.http.uploads import takes_files, takes_forms

PIECE = b"0123456789abcdef" * 4096
PIECES = 320


@takes_files("subscribers.add_subscriber")
@csrf_exempt
def upload(request: HttpRequest) -> HttpResponse:
    """Say how many bytes came in which kind of file."""
    file = request.FILES["file"]
    assert isinstance(file, UploadedFile)
    return HttpResponse(f"{file.size} {type(file).__name__}")


@takes_forms
@csrf_exempt
def form(request: HttpRequest) -> HttpResponse:
    """Say the field back."""
    return HttpResponse(request.POST["a"])


@csrf_exempt
def plain(request: HttpRequest) -> HttpResponse:
    """Read the form, as any page that asks for a CSRF token does."""
    return HttpResponse(str(len(request.POST)))


def address(request: HttpRequest) -> HttpResponse:
    """Say where the request comes from."""
    return HttpResponse(f"{client_ip(request)} {request.scheme}")


def stream(request: HttpRequest) -> StreamingHttpResponse:
    """Give 20 MiB in pieces."""

    def pieces() -> Iterator[bytes]:
        for _ in range(PIECES):
            yield PIECE

    return StreamingHttpResponse(pieces())


def breaks(request: HttpRequest) -> StreamingHttpResponse:
    """Fail after the first piece."""

    def pieces() -> Iterator[bytes]:
        yield PIECE
        raise RuntimeError

    return StreamingHttpResponse(pieces())


def file(request: HttpRequest) -> FileResponse:
    """Give a file, or one without a name."""
    return FileResponse(BytesIO(PIECE) if "memory" in request.GET else Path(__file__).open("rb"))


def slow(request: HttpRequest) -> HttpResponse:
    """Work for a while and leave a mark."""
    time.sleep(1)
    Path(os.environ["DATA_DIR"], "mark").touch()
    return HttpResponse("done")


urlpatterns = [
    path("test/upload", upload),
    path("test/form", form),
    path("test/plain", plain),
    path("test/address", address),
    path("test/stream", stream),
    path("test/breaks", breaks),
    path("test/file", file),
    path("test/slow", slow),
    path("", include("config.urls")),
]
settings.ROOT_URLCONF = "tests.support.entry_pages"
application = rsgi.application
