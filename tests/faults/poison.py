"""Settings of a worker in which the mails of some people kill the process that writes them.

`DJANGO_SETTINGS_MODULE=tests.faults.poison`; the fault is where a library that crashes would be.
"""

import os
import signal
from typing import Any

from config.settings import *  # noqa: F403 - the product's own
from subscribers import rendering

POISONED = "poison"
_render_mail = rendering.render_mail


def _crash_for_some(**parts: Any) -> rendering.RenderedMail:
    if parts["data"]["subscriber"]["email"].startswith(POISONED):
        os.kill(os.getpid(), signal.SIGKILL)
    return _render_mail(**parts)


rendering.render_mail = _crash_for_some
