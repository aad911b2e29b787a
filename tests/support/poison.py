"""Settings of a worker in which the mails of some people kill the process that writes them.

`DJANGO_SETTINGS_MODULE=tests.support.poison`; the fault is where a library that crashes would be.
"""

import os
import signal
from typing import Any

from config.settings import *  # noqa: F403 - the product's own
from subscribers.templating import mail

POISONED = "poison"
_render_mail = mail.render_mail


def _crash_for_some(**parts: Any) -> mail.RenderedMail:
    if parts["data"]["subscriber"]["email"].startswith(POISONED):
        os.kill(os.getpid(), signal.SIGKILL)
    return _render_mail(**parts)


mail.render_mail = _crash_for_some
