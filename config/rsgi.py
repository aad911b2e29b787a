"""The web's entry point, for granian's RSGI interface: `manage.py web` starts it."""

import os
import resource

from django.core.wsgi import get_wsgi_application

from config import process

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
process.mark_as_web()
_, _most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
# Each connection is a file; many systems begin with 1,024.
resource.setrlimit(resource.RLIMIT_NOFILE, (_most_files, _most_files))
_django = get_wsgi_application()

from django.conf import settings  # noqa: E402 - read once the process is marked
from django.urls import get_resolver  # noqa: E402 - as above

from config.http.entry import Entry  # noqa: E402 - as above
from config.http.request import Utf8Request  # noqa: E402 - as above
from config.layers import layered  # noqa: E402 - imports models, so after Django's set-up

_django.request_class = Utf8Request
# Before the first request, which would wait for it.
get_resolver().url_patterns  # noqa: B018 - loads them
application = Entry(layered(_django), threads=settings.WEB_THREADS)
