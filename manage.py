#!/usr/bin/env python
"""Django's command line for Covenant; works on the data of the `make run` in another terminal."""

import os
import sys

from django.conf import settings
from django.core.management import execute_from_command_line
from django.db.utils import OperationalError

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        execute_from_command_line(sys.argv)
    except OperationalError as error:
        if settings.DATABASE_URL:
            raise
        sys.exit(
            f"No database answers ({type(error).__name__}): Covenant does not run in this checkout."
            " Start it by `make run` in another terminal, or set DATABASE_URL and REDIS_URL to your own servers."
        )
