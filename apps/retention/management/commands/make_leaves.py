"""Makes the leaves that the rules in force need, at once; the hourly task does the same."""

from django.core.management.base import BaseCommand

from apps.foundation import clock
from apps.retention.services import leaves


class Command(BaseCommand):
    help = "Make the partitions (leaves) of the message table ahead of the messages that will need them."

    def handle(self, **_options) -> None:
        made = leaves.make_leaves(at=clock.now())
        self.stdout.write(f"{made} leaves made.")
