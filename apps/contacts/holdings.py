"""What the floor of contacts holds on people, and how it ends."""

from django.db.models import Q

from apps.contacts.models import BusyTime, ContactKey, KeptBook, Match, PersonKey, RefusedFile, Rematch, Source
from apps.contacts.services import leaving, lent
from apps.foundation.held import Held, Rows
from apps.foundation.personal_data import Holding, Role, Subject, Whom

WITHDRAWAL = "Erased in the transaction in which the consent is withdrawn or found to be over, when the source is taken away, and with the person's row"


def _theirs(subject: Subject) -> Q:
    return Q(person_id=subject.pk)


SOURCES = Held((
    Rows(
        "Address books and calendars that you lent us", Source, _theirs,
        ("reference", "purpose", "how", "state", "added_at", "entries", "last_success_at", "read_fully_at", "policy_version"), secret=lent.secret_of,
    ),
))  # fmt: skip
BOOKS = Held(
    (
        Rows("Whom you were matched with, without saying who", Match, leaving.matches, ("since",)),
        Rows("Addresses in your books, as keyed hashes", ContactKey, _theirs, ("source", "collected_at")),
        Rows("Your own addresses, as keyed hashes", PersonKey, _theirs, ("purpose",)),
        Rows("Matches to be computed again", Rematch, _theirs),
    ),
    first=leaving.keep_for_others,
)  # fmt: skip
CALENDARS = Held((Rows("When you are busy, by your calendars", BusyTime, _theirs, ("source", "starts_at", "ends_at", "collected_at")),))
REFUSED = Held((Rows("What could not be read", RefusedFile, _theirs, ("reference", "purpose", "how", "code", "size", "at")),))
KEPT = Held((Rows("What a legal hold kept of your books", KeptBook, _theirs, ("reference", "purpose", "entries", "kept_at"), secret=lent.secret_of),))

HOLDINGS = (
    Holding(
        code="contacts.sources",
        title="Address books and calendars that people lent us: where they are and how far they were read",
        role=Role.CONTROLLER,
        tables=("contacts_source",),
        collected="When a person uploads a file or names an address, under their consent. Address, login and password are sealed.",
        ends=f"{WITHDRAWAL}; its secret is destroyed, so that nothing in a backup opens.",
        files=("keystore/source", "keystore-second/source"),  # or wherever KEYSTORE_DIRECTORIES puts them
        count=SOURCES.count,
        collect=SOURCES.collect,
        erase=SOURCES.erase,
    ),
    Holding(
        code="contacts.books",
        title="Who connects with whom: keyed hashes of address books and of how people are reached, and the matches",
        role=Role.CONTROLLER,
        tables=("contacts_contactkey", "contacts_personkey", "contacts_match", "contacts_rematch"),
        collected="Computed from the books that a person lent, and from their own addresses once they allow to be found. No name, no note, no address is kept.",
        ends=f"{WITHDRAWAL}. A rotation of the matching key makes what lies in backups worthless.",
        count=BOOKS.count,
        collect=BOOKS.collect,
        erase=BOOKS.erase,
    ),
    Holding(
        code="contacts.calendars",
        title="When people are busy",
        role=Role.CONTROLLER,
        tables=("contacts_busytime",),
        collected="The beginning and end of appointments in the coming weeks, from the calendars that a person lent.",
        ends=f"{WITHDRAWAL}; and a day after it is over.",
        count=CALENDARS.count,
        collect=CALENDARS.collect,
        erase=CALENDARS.erase,
    ),
    Holding(
        code="contacts.refused",
        title="That something a person lent us could not be read, and why",
        role=Role.CONTROLLER,
        tables=("contacts_refusedfile",),
        collected="Written when a file or an address is refused, with its size and without anything of it.",
        ends="Forgotten after 90 days (CONTACTS_REFUSED_KEEP_DAYS), and with the person's row.",
        count=REFUSED.count,
        collect=REFUSED.collect,
        erase=REFUSED.erase,
    ),
    Holding(
        code="contacts.kept",
        title="Address books and calendars that a legal hold keeps after the consent ended",
        role=Role.CONTROLLER,
        tables=("contacts_keptbook",),
        collected="Set apart and sealed when a consent ends or a source is taken away while a hold keeps its person. Used for nothing.",
        ends="Erased, with the secret that opens it, by the first sweep after the hold is over, and with the person's row.",
        count=KEPT.count,
        collect=KEPT.collect,
        erase=KEPT.erase,
    ),
    Holding(
        code="contacts.keys",
        title="Who announced a rotation of the matching key",
        role=Role.CONTROLLER,
        tables=("contacts_matchingkey",),
        collected="The reference of the member of staff is written when they announce it.",
        ends="Kept with the record of the key; it is a reference and names nobody by itself.",
        files=("keystore/matching", "keystore-second/matching"),  # or wherever KEYSTORE_DIRECTORIES puts them
        whom=Whom.STAFF,
    ),
)
