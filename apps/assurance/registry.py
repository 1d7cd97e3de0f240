"""Every check of every promise, and every holding, as explicit tuples in the order of the floors.

A check that is not in CHECKS is never run, however well it is written; a test compares the tuple with the modules.
"""

from apps.accounts import promises as accounts
from apps.assurance import promises as assurance
from apps.assurance.inventory import HOLDINGS
from apps.backups import promises as backups
from apps.communications import promises as communications
from apps.consents import promises as consents
from apps.contacts import promises as contacts
from apps.data_requests import promises as data_requests
from apps.foundation.promises import Check
from apps.gate import promises as gate
from apps.holds import promises as holds
from apps.policies import promises as policies
from apps.providers import promises as providers
from apps.retention import promises as retention

CHECKS: tuple[Check, ...] = (
    *policies.CHECKS, *backups.CHECKS, *accounts.CHECKS, *providers.CHECKS, *holds.CHECKS, *consents.CHECKS, *gate.CHECKS, *retention.CHECKS,
    *contacts.CHECKS, *communications.CHECKS, *data_requests.CHECKS, *assurance.CHECKS,
)  # fmt: skip

__all__ = ["CHECKS", "HOLDINGS"]
