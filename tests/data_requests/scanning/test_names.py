"""When a name counts, and when a short id does: names are shared, so a name alone proves little."""

import pytest
from django.db import connection

from apps.data_requests.scanning import terms
from apps.foundation.personal_data import Subject
from apps.staff.roles import Role
from tests import cast
from tests.data_requests.scanning.conftest import IDA

AL = Subject(pk=987_654_322, reference="PER-2222222", names=("Al Po", "Al", "Po"), emails=("al@client.example",), identities=(("badge", "3317"),))


def write(column, value, **more):
    columns, values = [column, *more], [value, *more.values()]
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO unlisted ({', '.join(columns)}) VALUES ({', '.join(['%s'] * len(values))})", values)


def named(given: str, family: str, email: str = "other@client.example"):
    return cast.registration.register_person(
        organization=cast.client("Other"), given_name=given, family_name=family, emails=[email], by=cast.SYSTEM, at=cast.NOON - cast.DAY
    )


def test_a_telling_name_counts_wherever_both_parts_stand_together(unlisted, found):
    unlisted("a_text", "as Zélia Quark-Hobbs said")

    assert found() == {("unlisted.a_text", "name")}


def test_parts_of_a_name_do_not_count_apart_where_nobody_said_that_a_column_is_personal(unlisted, found):
    unlisted("a_text", "Zélia met somebody called Quark-Hobbs")

    assert found() == set()


def test_parts_of_a_name_count_in_two_columns_that_are_declared_personal(house, found):
    """As where somebody is named as the parent of a child who is not registered yet, and bears the child's name partly."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(
            "INSERT INTO accounts_representative (reference, full_name, email, minor_given_name, minor_birth_date, authority, valid_from, document_kind,"
            " document_digest, document_size, document_destroyed_at, state, proposed_by, proposed_at, asked_by, decided_by, rejection, ended_by,"
            " end_reason, policy_version_id) SELECT 'REP-1', 'QUARK-HOBBS', '', 'Zélia', '2015-05-05', 'parent', now(), '', '', 0, now(), 'proposed', 'x',"
            " now(), '', '', '', '', '', id FROM policies_policyversion LIMIT 1"
        )

    assert found() == {("accounts_representative.full_name", "name"), ("accounts_representative.minor_given_name", "name")}


def test_a_row_of_another_person_with_the_same_name_is_theirs(house, found):
    named("Zélia", "Quark-Hobbs")

    assert found() == set()


def test_a_name_that_somebody_else_bears_too_counts_only_with_something_else(unlisted, found):
    named("Zélia", "Quark-Hobbs")
    write("a_text", "Zélia Quark-Hobbs")
    assert found() == set()

    write("a_text", "Zélia Quark-Hobbs", a_varchar="badge 3317")
    assert found() == {("unlisted.a_text", "name"), ("unlisted.a_varchar", "id from elsewhere")}


def test_a_short_name_counts_only_with_something_else(unlisted, found):
    write("a_text", "Al Po")
    assert found(AL) == set()

    write("a_text", "Al Po", a_varchar="al@client.example")
    assert found(AL) == {("unlisted.a_text", "name"), ("unlisted.a_varchar", "e-mail address")}


def test_a_short_id_counts_with_a_name_and_not_alone(unlisted, found):
    unlisted("a_text", "room 3317")
    assert found() == set()

    unlisted("a_text", "3317 is Quark-Hobbs")
    assert found() == {("unlisted.a_text", "id from elsewhere")}


def test_staff_and_contacts_of_clients_with_the_same_name_are_not_meant(house, found):
    member = cast.staff("zelia", Role.PRIVACY_ANALYST)
    member.full_name = "Zélia Quark-Hobbs"
    member.save()

    assert found() == set()


@pytest.mark.parametrize(("external", "tells"), [("3317", False), ("11111111", False), ("zq-4471-aa", True), ("48213377", True)])
def test_which_ids_tell_by_themselves(external, tells):
    assert terms.is_telling_id(external) is tells


def test_the_database_takes_every_row_whose_name_counts(house):
    """Each spelling is looked for by itself, or holds both parts, which are looked for together."""
    whom = terms.of_subject(IDA)
    alone = {needle.text for needle in whom.names_by_themselves}

    assert len(whom.parts) == 2
    assert [
        needle.text
        for needle in whom.names
        if needle.text not in alone and not all(any(text in needle.text for text in part.spellings) for part in whom.parts)
    ] == []
