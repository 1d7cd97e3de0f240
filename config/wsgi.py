"""The door for web servers. Unsafe settings keep it shut: servers run no system checks of their own."""

import os
import sys

from django.core import checks
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = get_wsgi_application()

if unsafe := [found for found in checks.run_checks() if found.is_serious()]:
    sys.exit("\n".join(["Covenant does not start:", *(f"{found.id} {found.msg} {found.hint or ''}" for found in unsafe)]))
