"""The holdings of this floor and of all below it, in the order of the floors; the promise board adds its own on top.

An app that is not in this tuple has no holding, and its personal columns fail the start (covenant.E302).
"""

from apps.accounts import holdings as accounts
from apps.audit import holdings as audit
from apps.backups import holdings as backups
from apps.communications import holdings as communications
from apps.consents import holdings as consents
from apps.contacts import holdings as contacts
from apps.data_requests import holdings as data_requests
from apps.foundation.personal_data import Holding
from apps.gate import holdings as gate
from apps.holds import holdings as holds
from apps.mail import holdings as mail
from apps.policies import holdings as policies
from apps.providers import holdings as providers
from apps.retention import holdings as retention
from apps.staff import holdings as staff

HOLDINGS: tuple[Holding, ...] = (
    *staff.HOLDINGS,
    *audit.HOLDINGS,
    *mail.HOLDINGS,
    *policies.HOLDINGS,
    *backups.HOLDINGS,
    *accounts.HOLDINGS,
    *providers.HOLDINGS,
    *holds.HOLDINGS,
    *consents.HOLDINGS,
    *gate.HOLDINGS,
    *retention.HOLDINGS,
    *contacts.HOLDINGS,
    *communications.HOLDINGS,
    *data_requests.HOLDINGS,
)
