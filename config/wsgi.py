"""The WSGI entry point: `granian --interface wsgi config.wsgi:application`."""

import os

from django.core.wsgi import get_wsgi_application

from config import process

# The database and mail files contain personal data.
os.umask(0o077)
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
process.mark_as_web()
_django = get_wsgi_application()

from config.layers import layered  # noqa: E402 - imports models, so after Django's set-up

application = layered(_django)
