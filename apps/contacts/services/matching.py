"""Who of whose contacts uses the service: computed by SQL over sets of keyed hashes, for people whose keys changed and nobody else.

| two people of | are matched when |
|---|---|
| one organization | either has the other in their book |
| different organizations, or of none | each has the other in their book |

Both must allow it. Across organizations one side alone never suffices: else whoever uploads guesses would learn who is known here.

| lock, in this order | why |
|---|---|
| the work rows of the people (`contacts_rematch`) | whoever changes their keys meanwhile waits, and owes them anew |
| the standings of all who might be matched, shared | a withdrawal comes before this or after it |

Whose standing is locked by somebody else is passed over, and whoever might be matched with them is done again a moment later: waiting
there for a withdrawal, which itself waits for the work row, would be for ever.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from django.db import DatabaseError, connection, transaction

from apps.consents.purposes import CONTACTS
from apps.contacts.models import Rematch

AT_A_TIME = 200
MOST_ATTEMPTS = 5
LEASE = timedelta(minutes=5)
A_MOMENT = timedelta(seconds=30)

log = structlog.get_logger(__name__)

CLAIM = """
UPDATE contacts_rematch SET attempts = attempts + 1, leased_until = %(until)s WHERE person_id IN (
    SELECT person_id FROM contacts_rematch WHERE attempts < %(most)s AND (leased_until IS NULL OR leased_until <= %(at)s)
    ORDER BY since, person_id LIMIT %(count)s FOR UPDATE SKIP LOCKED)
RETURNING person_id
"""

#: directed: whose book has whom, of everybody who changed, in both directions
WHO_HAS_WHOM = """
CREATE TEMPORARY TABLE contacts_found ON COMMIT DROP AS
SELECT least(owner, known) AS one, greatest(owner, known) AS other, bool_or(owner < known) AS one_has, bool_or(owner > known) AS other_has
FROM (
    SELECT c.person_id AS owner, k.person_id AS known FROM contacts_contactkey c
        JOIN contacts_personkey k ON k.key_id = c.key_id AND k.value = c.value WHERE c.person_id = ANY(%(people)s)
    UNION ALL
    SELECT c.person_id, k.person_id FROM contacts_personkey k
        JOIN contacts_contactkey c ON c.key_id = k.key_id AND c.value = k.value WHERE k.person_id = ANY(%(people)s)
) pairs WHERE owner <> known GROUP BY 1, 2
"""

#: across organizations one side alone is nothing
ONLY_RECIPROCAL = """
DELETE FROM contacts_found f USING accounts_person one, accounts_person other
WHERE one.id = f.one AND other.id = f.other AND NOT (f.one_has AND f.other_has)
  AND (one.organization_id IS NULL OR one.organization_id IS DISTINCT FROM other.organization_id)
"""

#: everybody whose standing has to hold still: who changed, who was matched with them, and who is now
EVERYBODY = """
SELECT unnest(%(people)s::bigint[]) UNION SELECT one FROM contacts_found UNION SELECT other FROM contacts_found
UNION SELECT one_id FROM contacts_match WHERE other_id = ANY(%(people)s) UNION SELECT other_id FROM contacts_match WHERE one_id = ANY(%(people)s)
"""
HOLD_STILL = """
SELECT s.person_id FROM accounts_person p JOIN consents_standing s ON s.person_id = p.id
WHERE s.purpose_id = %s AND s.person_id = ANY(%s) ORDER BY s.person_id FOR KEY SHARE OF p SKIP LOCKED FOR SHARE OF s SKIP LOCKED
"""
STANDING = "SELECT person_id FROM consents_standing WHERE purpose_id = %s AND person_id = ANY(%s) AND stands"

NO_MORE = """
DELETE FROM contacts_match m WHERE (m.one_id = ANY(%(people)s) OR m.other_id = ANY(%(people)s))
  AND m.one_id = ANY(%(still)s) AND m.other_id = ANY(%(still)s)
  AND NOT EXISTS (SELECT 1 FROM contacts_found f WHERE f.one = m.one_id AND f.other = m.other_id)
"""
FROM_NOW_ON = """
INSERT INTO contacts_match (one_id, other_id, purpose_id, stands, one_has, other_has, since)
SELECT one, other, %(purpose)s, true, one_has, other_has, %(at)s FROM contacts_found WHERE one = ANY(%(standing)s) AND other = ANY(%(standing)s)
ORDER BY one, other
ON CONFLICT (one_id, other_id) DO UPDATE SET one_has = excluded.one_has, other_has = excluded.other_has
    WHERE (contacts_match.one_has, contacts_match.other_has) IS DISTINCT FROM (excluded.one_has, excluded.other_has)
"""
#: who is matched with somebody that could not be held still is done again
AGAIN = """
SELECT DISTINCT person FROM (
    SELECT one AS person, other AS with_whom FROM contacts_found UNION ALL SELECT other, one FROM contacts_found
    UNION ALL SELECT one_id, other_id FROM contacts_match WHERE one_id = ANY(%(people)s)
    UNION ALL SELECT other_id, one_id FROM contacts_match WHERE other_id = ANY(%(people)s)
    UNION ALL SELECT changed, changed FROM unnest(%(people)s::bigint[]) AS changed
) pairs WHERE person = ANY(%(people)s) AND with_whom = ANY(%(passed_over)s)
"""


def match_changed(*, at: datetime) -> int:
    """Compute the matches of everybody whose keys changed; returns of how many people. A sweep, and safe beside another."""
    done = 0
    while people := _claim(at):
        try:
            done += match(people=people, at=at)
        except DatabaseError as error:
            log.error("matching_failed", people=len(people), error=type(error).__name__)
            done += sum(_match_or_leave(person, at=at) for person in people)
    return done


def _match_or_leave(person_id: int, *, at: datetime) -> int:
    """One that can't be done holds back no other."""
    try:
        return match(people=[person_id], at=at)
    except DatabaseError as error:
        log.error("matching_failed", person=person_id, error=type(error).__name__)
        return 0


@transaction.atomic
def _claim(at: datetime) -> list[int]:
    """Attempts are counted before the work: what kills its worker is left after five, and the check on late matches names it."""
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, {"until": at + LEASE, "most": MOST_ATTEMPTS, "at": at, "count": AT_A_TIME})
        return sorted(person for (person,) in cursor.fetchall())


@transaction.atomic
def match(*, people: Sequence[int], at: datetime) -> int:
    """Compute the matches of these people anew, and take their work rows away; returns how many are done with."""
    with connection.cursor() as cursor:
        owed = list(Rematch.objects.select_for_update().filter(person_id__in=people).order_by("person_id").values_list("person_id", flat=True))
        if not owed:
            return 0
        cursor.execute(WHO_HAS_WHOM, {"people": owed})
        cursor.execute(ONLY_RECIPROCAL)
        cursor.execute(EVERYBODY, {"people": owed})
        wanted = {person for (person,) in cursor.fetchall()}
        cursor.execute(HOLD_STILL, [CONTACTS, sorted(wanted)])
        still = {person for (person,) in cursor.fetchall()}
        cursor.execute(STANDING, [CONTACTS, sorted(wanted)])
        standing = {person for (person,) in cursor.fetchall()}
        passed_over = sorted(standing - still)
        cursor.execute(NO_MORE, {"people": owed, "still": sorted(still)})
        cursor.execute(FROM_NOW_ON, {"purpose": CONTACTS, "standing": sorted(standing & still), "at": at})
        cursor.execute(AGAIN, {"people": owed, "passed_over": passed_over})
        again = {person for (person,) in cursor.fetchall()}
        cursor.execute("DROP TABLE contacts_found")
        Rematch.objects.filter(person_id__in=again).update(leased_until=at + A_MOMENT, attempts=0)
        return Rematch.objects.filter(person_id__in=set(owed) - again).delete()[0]
