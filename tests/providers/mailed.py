"""Acts on providers that send mail: each returns when it was, and what its mail must say."""

from apps.providers.services import chaining, lives, warning
from tests import cast
from tests.cast import DAY, NOON
from tests.providers import registry


def announced():
    """A provider in use gets a further sub-processor, and Hill Clinic is told."""
    clinic = registry.client()
    harbor = registry.in_use()
    sub = chaining.propose(provider=harbor, legal_name="Tape Vaults LLC", service="keeps tapes", countries=["US"], by=registry.dana(), at=NOON)
    return clinic, harbor, chaining.announce(sub=sub, by=cast.cleo(), at=NOON)


def a_warning():
    harbor = registry.in_use()
    at = NOON + 300 * DAY
    warning.look_after(at=at)
    agreement = harbor.agreements.get()
    return at, ["dana@covenant.example", agreement.reference, harbor.reference, "Harbor Hosting, Inc.", "2027-03-07", "in 64 days"]


def a_lapse():
    harbor = registry.in_use()
    at = NOON + 366 * DAY
    warning.look_after(at=at)
    return at, ["dana@covenant.example", harbor.agreements.get().reference, harbor.reference, "2027-03-07", "the gate is closed"]


def an_end():
    harbor = lives.end(provider=registry.in_use(), data_end="return", by=cast.cleo(), at=NOON)
    at = NOON + 31 * DAY
    warning.look_after(at=at)
    return at, ["dana@covenant.example", harbor.reference, "returned to us", "2026-04-07: that day is over"]


def an_announcement():
    clinic, _harbor, sub = announced()
    said = ["Harbor Hosting, Inc.", "Tape Vaults LLC: keeps tapes", "2026-04-07 12:00", sub.reference, "/providers/"]
    return NOON, ["records@client.example", clinic.reference, *said]


def a_leaving():
    clinic, _harbor, sub = announced()
    at = NOON + 40 * DAY
    chaining.leave(sub=sub, by=registry.dana(), at=at)
    return at, ["records@client.example", clinic.reference, "Tape Vaults LLC", "2026-05-17 12:00", sub.reference]


def a_withdrawal():
    clinic, _harbor, sub = announced()
    chaining.withdraw(sub=sub, by=registry.dana(), at=NOON + DAY)
    return NOON + DAY, ["records@client.example", clinic.reference, "Tape Vaults LLC", sub.reference, "it gets nothing"]


def an_objection():
    clinic, harbor, sub = announced()
    chaining.record_objection(notice=sub.notices.get(), objection="We want no tapes.", by=registry.dana(), at=NOON + DAY)
    return NOON + DAY, ["dana@covenant.example", clinic.reference, harbor.reference, sub.reference, "2026-04-07 12:00"]
