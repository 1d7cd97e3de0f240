"""What a person hears at the end of an erasure: that it is done, or what of it is kept, on what ground, and until when.

The letter goes to the contact on file that was proven, as it was sealed when the erasure began; nothing else of the person is left then.
"""

from datetime import datetime

from apps.data_requests.models import DataRequest
from apps.data_requests.services.whom import Known


def answer(request: DataRequest, known: Known, *, at: datetime) -> None:
    """Say that the erasure is done, in the transaction in which the search was found clean."""


def rest_is_erased(request: DataRequest, known: Known, *, at: datetime) -> None:
    """Say that what was kept is erased as well."""
