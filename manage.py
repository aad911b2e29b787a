#!/usr/bin/env python
"""Django's command line for Cueline; `manage.py up` runs the whole product."""

import gc
import os
import sys


def main() -> None:
    """Run one management command; a setting that cannot be used ends in one clear sentence."""
    # Imports leave no garbage, and looking for some takes an eighth of the start. See `Terminal`.
    gc.disable()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from config.env import SettingError  # noqa: PLC0415 - keeps a bad setting out of a traceback

    try:
        from config.management.terminal import Terminal  # noqa: PLC0415

        Terminal(sys.argv).execute()
    except SettingError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
