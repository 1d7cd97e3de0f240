"""Passages for tests that speak to a peer: real ones, by a permit of the gate that is spent."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from apps.accounts.models import Organization
from apps.foundation.actors import SYSTEM
from apps.gate.client.passage import Passage, contacting
from apps.gate.package import Recipient
from apps.gate.states import ContactReason
from apps.policies.models import PolicyVersion


def somebody() -> Organization:
    """A client whose server it is, in a house without anything else."""
    since = datetime(2026, 1, 1, tzinfo=UTC)
    version, _is_new = PolicyVersion.objects.get_or_create(number=1, defaults={"created_at": since})
    return Organization.objects.create(
        name="Northgate", country="US", hipaa_covered=False, contact_name="Records", contact_email="records@client.example",
        registered_at=since, policy_version=version,
    )  # fmt: skip


@contextmanager
def opened(organization: Organization | None = None, at: datetime | None = None) -> Iterator[Passage]:
    recipient = Recipient.client((organization or somebody()).reference)
    with contacting(recipient=recipient, why=ContactReason.TRY_OUT, by=SYSTEM, at=at or datetime.now(UTC)) as passage:
        yield passage
