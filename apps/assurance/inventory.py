"""The holdings of every app, in the order of the floors: all that this software holds about people.

An app whose holdings are not here has none, and its personal columns fail the start (covenant.E302).
"""

from apps.assurance import holdings as assurance
from apps.data_requests.inventory import HOLDINGS as BELOW
from apps.foundation.personal_data import Holding

HOLDINGS: tuple[Holding, ...] = (*BELOW, *assurance.HOLDINGS)
