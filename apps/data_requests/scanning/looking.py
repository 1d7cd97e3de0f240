"""The whole search, from whom it is about to where something was found."""

from django.db import connection

from apps.data_requests.scanning import broker, files, kept, tables, terms
from apps.data_requests.scanning.kinds import Seen
from apps.foundation.personal_data import Subject

#: whether somebody else here bears the name: then it tells less
SAME_NAME = """
    SELECT EXISTS (SELECT 1 FROM accounts_person WHERE id <> %s AND lower(given_name || ' ' || family_name) = ANY(%s))
"""


def search(subject: Subject) -> Seen:
    """Look everywhere for a person, changing nothing but the planner's samples."""
    whom = terms.of_subject(subject, others_bear_the_name=_is_shared(subject))
    seen = Seen()
    for place in (tables, kept, files, broker):
        place.look(whom, seen)
    return seen


def _is_shared(subject: Subject) -> bool:
    names = [" ".join(name.lower().split()) for name in subject.names]
    with connection.cursor() as cursor:
        cursor.execute(SAME_NAME, [subject.pk or 0, names])
        return cursor.fetchone()[0]
