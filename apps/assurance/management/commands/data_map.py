"""`manage.py data_map`: the data map as Markdown, fit to be published; with `--technical` also tables, columns and files."""

from django.core.management.base import BaseCommand

from apps.assurance import data_map


class Command(BaseCommand):
    help = "Print the data map as Markdown, made from what the holdings declare."

    def add_arguments(self, parser):
        parser.add_argument("--technical", action="store_true", help="name tables, columns and files too; not to be published")

    def handle(self, *, technical: bool, **_options):
        self.stdout.write(data_map.as_markdown(technical=technical), ending="")
