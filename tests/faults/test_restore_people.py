"""What people took back stays taken back: a backup from before is really restored, and the replay ends consents, links and standings again.

The dump is pg_dump's, the restored database is a second one on the same server, and each host is a process of its own.
"""

import json
from datetime import UTC, datetime, timedelta

import pytest

from apps.accounts.models import Person
from apps.accounts.services import linking, minors, registration
from apps.audit.services import heartbeat, journal
from apps.consents.services import asking, giving, withdrawing
from apps.consents.states import How
from apps.contacts.models import ContactKey
from apps.contacts.services import lending
from apps.foundation.actors import SYSTEM, Actor
from tests import cast
from tests.faults.back_in_time import program

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

CARDS = b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Ben\r\nEMAIL:ben@client.example\r\nTEL:+12025550123\r\nEND:VCARD\r\n"


def say_yes(person: Person, purpose: str, at: datetime) -> None:
    text = asking.text_in_force(purpose=purpose, at=at)
    giving.give(
        person=person, purpose=purpose, text=text.number, shown=bytes(text.digest), shown_at=at - timedelta(minutes=1), how=How.PREFERENCE_PAGE,
        by=Actor("person", person.reference), at=at,
    )  # fmt: skip


def test_after_a_restore_nothing_that_people_took_back_stands_again(home, restore, tmp_path):
    now = datetime.now(UTC)
    cast.house()
    clinic = cast.client()
    ada, ben = cast.ada(clinic), cast.ada(clinic, email="ben@client.example")
    child = registration.register_person(organization=clinic, given_name="Cara", by=SYSTEM, at=now - timedelta(days=3))
    for person in (ada, ben):
        say_yes(person, "contacts", now - timedelta(days=2))
        lending.upload(person=person, purpose="contacts", name="book.vcf", data=CARDS, by=SYSTEM, at=now - timedelta(days=2))
    say_yes(ada, "announcements_email", now - timedelta(days=2))
    account = linking.link(
        person=ada, provider="elsewhere", subject="ada-4711", scopes=["email"], claims={"email": "ada@elsewhere.example"}, how="api", by=SYSTEM,
        at=now - timedelta(days=2),
    )  # fmt: skip
    heartbeat.beat("sweep", at=now)
    journal.write_owed()
    dump = tmp_path / "before.dump"
    program("pg_dump", "--format=custom", f"--file={dump}")

    for purpose in ("contacts", "announcements_email"):
        withdrawing.withdraw(person=ada, purpose=purpose, how=How.PREFERENCE_PAGE, by=Actor("person", ada.reference), at=now)
    linking.unlink(account=account, how="person", by=SYSTEM, at=now)
    linking.destroy_left_secrets(at=now)
    minors.report(person=child, how="report", by=SYSTEM, at=now)
    journal.write_owed()
    assert ContactKey.objects.filter(person=ada).count() == 0

    back = restore(dump)
    kept_of = "SELECT count(*) FROM contacts_contactkey WHERE person_id = %s"
    assert back.one(kept_of, ada.pk) == 2, "the backup has what was erased since"
    assert json.loads(back.does("serve"))["/privacy/"] == [503, "database_restored"]
    back.manage("replay")
    assert json.loads(back.does("serve"))["/privacy/"][0] == 200
    assert (back.one(kept_of, ada.pk), back.one(kept_of, ben.pk)) == (0, 2)
    standing = "SELECT purpose_id, stands FROM consents_standing WHERE person_id = %s ORDER BY 1"
    assert back.rows(standing, ada.pk) == [("announcements_email", False), ("contacts", False)]
    assert back.rows(standing, ben.pk) == [("contacts", True)]
    assert back.one("SELECT count(*) FROM contacts_source WHERE person_id = %s", ada.pk) == 0
    assert back.one("SELECT count(*) FROM accounts_linkedclaim") == 0
    assert back.one("SELECT subject FROM accounts_linkedaccount WHERE reference = %s", account.reference) == ""
    assert back.one("SELECT standing FROM accounts_person WHERE id = %s", child.pk) == "suspended"
    assert json.loads(back.does("promises", "P02", "P03", "P04", "P13", "P24", "P26")) == []
    assert "nothing to replay" in back.manage("replay")
