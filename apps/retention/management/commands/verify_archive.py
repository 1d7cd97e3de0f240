"""Checks archives of messages against a pinned key, with the same file auditors run without this software."""

import sys

from django.core.management.base import BaseCommand

from apps.retention.archives import verify_archive


class Command(BaseCommand):
    help = (
        "Check an archive, or every archive below a folder, against the public key you trust; with --identity also what they"
        " hold. Ends with 0 where all was found as it was signed, 1 where something was not, 2 where it could not be checked."
    )
    requires_system_checks = ()  # needs neither database nor settings

    def add_arguments(self, parser) -> None:
        parser.add_argument("path", help="the folder of an archive, or one above archives")
        parser.add_argument("--key", required=True, help="64 hexadecimal digits, or a file with these or with a PEM")
        parser.add_argument("--identity", help="a file with the age identity that opens them, as age-keygen writes it")

    def handle(self, path: str, key: str, identity: str | None, **_options) -> None:
        arguments = [path, "--key", key, *(["--identity", identity] if identity else [])]
        code = verify_archive.main(arguments, out=self.stdout)
        if code:
            sys.exit(code)
