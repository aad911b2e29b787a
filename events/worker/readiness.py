"""What a part needs before it starts: the database, its migrations, the right key."""

import logging
import time
from collections.abc import Callable

from django.conf import settings

from config import schema
from subscribers.services.workspaces import installation

logger = logging.getLogger("cueline.worker")

SECONDS_BETWEEN_LOOKS = 1.0


def wait_until_ready(*, on_wait: Callable[[], None]) -> None:
    """Wait for the database and its migrations; calls `on_wait` once a second meanwhile.

    Raises `SecretKeyDiffers` if the database belongs to another key.
    """
    logged = ""
    while True:
        missing = schema.problem()
        if not missing:
            installation.check_secret_key(secret_key=settings.SECRET_KEY)
            return
        if missing != logged:
            logger.warning("Waiting: %s", missing)
            logged = missing
        on_wait()
        time.sleep(SECONDS_BETWEEN_LOOKS)
