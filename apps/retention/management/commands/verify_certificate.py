"""Checks a certificate of destruction against a pinned key, with the same file auditors run without this software."""

import sys

from django.core.management.base import BaseCommand

from apps.retention.certificates import verify


class Command(BaseCommand):
    help = (
        "Check a certificate of destruction (JSON or PDF) against the public key you trust."
        " Ends with 0 where it is genuine, 1 where it is not, 2 where it could not be checked."
    )
    requires_system_checks = ()  # needs neither database nor settings

    def add_arguments(self, parser) -> None:
        parser.add_argument("certificate", help="the certificate, as JSON or as PDF")
        parser.add_argument("--key", required=True, help="64 hexadecimal digits, or a file with these or with a PEM")

    def handle(self, certificate: str, key: str, **_options) -> None:
        code = verify.main([certificate, "--key", key], out=self.stdout)
        if code:
            sys.exit(code)
