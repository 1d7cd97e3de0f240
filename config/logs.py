"""Logs without personal data (replaced)."""

import logging


class WithoutPersonalData(logging.Filter):
    pass
