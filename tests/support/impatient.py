"""Settings of a worker that calls silent and stuck what is so for eight seconds, not for thirty.

`DJANGO_SETTINGS_MODULE=tests.support.impatient`: what a busy worker is not shows soon.
"""

from django.apps import AppConfig

from config.settings import *  # noqa: F403 - the product's own
from config.settings import INSTALLED_APPS as _OF_THE_PRODUCT

# A part needs three seconds to start where others use the machine.
SECONDS = 8.0


class Impatient(AppConfig):
    """Shortens the patience once the product's own modules can be imported."""

    name = "tests.support"
    label = "impatient"

    def ready(self) -> None:
        from events.worker import pool, supervisor, ticker  # noqa: PLC0415 - they need models

        supervisor.SECONDS_WITHOUT_HEARTBEAT = supervisor.SECONDS_UNTIL_STUCK = SECONDS
        ticker.SECONDS_UNTIL_OVERDUE = pool.LONGEST_SILENCE = SECONDS


INSTALLED_APPS = [*_OF_THE_PRODUCT, "tests.support.impatient.Impatient"]
