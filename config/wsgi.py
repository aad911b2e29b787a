"""The WSGI entry point: `granian --interface wsgi config.wsgi:application`."""

import os

from django.core.wsgi import get_wsgi_application

from config import process
from config.http.chunked import BoundedBody

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
process.mark_as_web()
application = BoundedBody(get_wsgi_application())
