"""How people who allow to be found are reached, as keyed hashes: brought up to date with accounts, one person at a time.

An address that goes takes its key along by itself (the database sees to it), and so does a consent. What is new is found by comparing,
so that no other floor needs to know of this one. It must never write a key for somebody whose consent does not stand.
"""

from datetime import datetime

from django.db import IntegrityError, connection, transaction

from apps.accounts.models import PersonEmail, PersonPhone
from apps.consents.purposes import CONTACTS
from apps.consents.services import asking
from apps.contacts.hashing import EMAIL, PHONE, inner
from apps.contacts.models import PersonKey
from apps.contacts.services import keys

AT_A_TIME = 1_000

#: who allows to be found, is active, and has an address without its key under the current matching key
WITHOUT_KEYS = """
SELECT s.person_id FROM consents_standing s JOIN accounts_person p ON p.id = s.person_id AND p.standing = 'active'
WHERE s.purpose_id = 'contacts' AND s.stands AND (s.until IS NULL OR s.until > %(at)s) AND (
    EXISTS (SELECT 1 FROM accounts_personemail e WHERE e.person_id = s.person_id AND NOT EXISTS (
        SELECT 1 FROM contacts_personkey k JOIN contacts_matchingkey m ON m.number = k.key_id AND m.state = 'current' WHERE k.email_id = e.id))
    OR EXISTS (SELECT 1 FROM accounts_personphone f WHERE f.person_id = s.person_id AND NOT EXISTS (
        SELECT 1 FROM contacts_personkey k JOIN contacts_matchingkey m ON m.number = k.key_id AND m.state = 'current' WHERE k.phone_id = f.id)))
ORDER BY s.person_id LIMIT %(most)s
"""


def bring_up_all(*, at: datetime) -> int:
    """Write the keys of everybody who lacks some; returns how many people that were."""
    done = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(WITHOUT_KEYS, {"at": at, "most": AT_A_TIME})
            people = [person for (person,) in cursor.fetchall()]
        brought = sum(_bring_up_or_leave(person, at=at) for person in people)
        done += brought
        if len(people) < AT_A_TIME or not brought:
            return done


def _bring_up_or_leave(person_id: int, *, at: datetime) -> bool:
    try:
        return bring_up(person_id=person_id, at=at) > 0
    except (asking.ConsentMissing, IntegrityError):  # withdrawn since the question, or the address went this moment
        return False


@transaction.atomic
def bring_up(*, person_id: int, at: datetime) -> int:
    """Write the keys that one person lacks; returns how many. Raises ConsentMissing."""
    asking.lock(person_id=person_id, purpose=CONTACTS, at=at)
    emails = {pk: inner(EMAIL, address) for pk, address in PersonEmail.objects.filter(person_id=person_id).values_list("pk", "normalised")}
    phones = {pk: inner(PHONE, number) for pk, number in PersonPhone.objects.filter(person_id=person_id).values_list("pk", "number")}
    rows = [
        PersonKey(person_id=person_id, purpose_id=CONTACTS, key_id=key.number, value=key.close(hashed), **{f"{name}_id": pk})
        for key in keys.living(at=at)
        for name, hashes in (("email", emails), ("phone", phones))
        for pk, hashed in hashes.items()
    ]
    there = set(PersonKey.objects.filter(person_id=person_id).values_list("key_id", "email_id", "phone_id"))
    new = [row for row in rows if (row.key_id, row.email_id, row.phone_id) not in there]
    PersonKey.objects.bulk_create(new, ignore_conflicts=True)
    return len(new)
