"""Another process that sends what is due, at the moment it is told, and says how many the server took.

    python -m tests.mail.sender 2026-03-08T12:00:00+00:00
"""

import os
import sys
from datetime import datetime

import django
from django.db import connections

django.setup()
connections.databases["default"]["NAME"] = os.environ["TEST_DATABASE"]

from apps.mail.services import outbox  # noqa: E402 - Django first

print(outbox.send_due(at=datetime.fromisoformat(sys.argv[1])))
