"""By what somebody is known in messages, and which participant of a message is meant. No table, no key.

A participant who was matched is the person that was matched, whatever address stands beside; another is known by address, as
addresses are compared, or by the source's id. It must never take a participant for somebody by their name.
"""

from dataclasses import dataclass

from apps.accounts.details import normalise_email
from apps.foundation.personal_data import Subject
from apps.retention.envelope import Envelope

#: kind and value: ("person", reference), ("email", normalised) or ("id", source and id)
Handle = tuple[str, str]


def of_source(source: str, external_id: str) -> str:
    """A source's id of somebody, as its tags have it."""
    return f"{source}\x00{external_id}"


def handles(source: str, party: dict) -> tuple[Handle, ...]:
    """By what a participant of a message is known: by the person where matched, else by address and the source's id."""
    if party.get("person"):
        return (("person", party["person"]),)
    found: list[Handle] = []
    if party.get("email"):
        found.append(("email", normalise_email(party["email"])))
    if party.get("id"):
        found.append(("id", of_source(source, str(party["id"]))))
    return tuple(found)


@dataclass(frozen=True)
class Whose:
    """Somebody, as messages know them. Lives in memory only."""

    known_by: frozenset[Handle]
    spelled: frozenset[str]

    def is_them(self, source: str, party: dict) -> bool:
        return not self.known_by.isdisjoint(handles(source, party))

    def took_part(self, message: dict) -> bool:
        """Whether they wrote the message or received it."""
        source = message["source"]
        return any(self.is_them(source, party) for party in (message["sender"], *message["recipients"]))

    def tags(self, envelope: Envelope) -> list[bytes]:
        """Every tag under which they can stand in the rows of one cohort. An address has the tag of how it was written."""
        addresses = {("email", spelling) for spelling in self.spelled}
        return sorted(envelope.tag(*handle) for handle in self.known_by | addresses)


def of(subject: Subject) -> Whose:
    """The person a request is about, with what they were known by before."""
    addresses = {normalise_email(address) for address in subject.emails}
    return Whose(
        frozenset(
            {("person", subject.reference)}
            | {("email", address) for address in addresses}
            | {("id", of_source(source, external_id)) for source, external_id in subject.identities}
        ),
        frozenset({*subject.emails, *addresses, *(address.lower() for address in subject.emails)}),
    )
