"""Gunicorn's own messages through the same filter as all others: its errors quote the address that was asked for."""

import structlog
from gunicorn.glogging import Logger

from config.logs import WithoutPersonalData


class ImpersonalLog(Logger):
    """Named by `logger_class` in config/gunicorn.py. There is no access log to clean: nobody may turn it on here."""

    def setup(self, cfg) -> None:
        super().setup(cfg)
        formatter = structlog.stdlib.ProcessorFormatter(processor=structlog.processors.JSONRenderer())
        for handler in self.error_log.handlers:
            handler.addFilter(WithoutPersonalData())
            handler.setFormatter(formatter)

    def access(self, resp, req, environ, request_time) -> None:
        """Never: the lines of RequestLog say route and status, and nothing of the visitor."""
